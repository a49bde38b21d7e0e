"""Folders of images: classes, splits, and every way to be wrong."""

import os
import shutil

import numpy as np
import pytest

from mubench.data.cache.decoded import stored_dataset
from mubench.data.sources import image_folder
from tests.support.written_data import (
    FOLDERS,
    official,
    pixels,
    refused,
    save,
    stacked,
    write_folders,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_without_a_test_folder_a_share_is_held_out(toy_data):
    write_folders(toy_data)
    shutil.rmtree(toy_data / "val")
    found = stored_dataset(FOLDERS, toy_data.parent)
    assert {name: len(split.ids) for name, split in found.splits.items()} == {
        "train": 18,
        "validation": 2,
        "test": 4,
    }


def test_the_folders_of_a_card_give_the_order_of_its_classes(toy_data):
    images = write_folders(toy_data, names=("n01", "n02"))
    inputs, labels, _ = official(
        stored_dataset({**FOLDERS, "folders": ["n02", "n01"]}, toy_data.parent)
    )
    assert labels == [0] * 12 + [1] * 12
    assert np.array_equal(inputs, stacked(images["train"][12:] + images["train"][:12]))


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("a class too many", "train: 3 folders of classes, but the card has 2 classes; put the"),
        ("a class less in val", "val: the folder bee is missing; put it there"),
        ("another class in val", "val: the folder cow belongs to no class; remove it"),
        ("flat val", "val/ILSVRC2012_val_00000001.JPEG: not in the folder of a class; move the "),
        ("loose image", "train/loose.png: not in the folder of a class; move the images of train/"),
        ("another size", "train/bee/01.jpg: the image is RGB 6x2, but all must be RGB 6x4; fetch"),
        ("another mode", "train/bee/01.jpg: the image is L 6x4, but all must be RGB 6x4; fetch"),
        ("torn", "val/ant/0.png: the image cannot be decoded ("),
        ("unreadable", "val/ant/0.png: cannot be read (No such file or directory); fetch this"),
    ],
)
def test_a_bad_folder_of_images_is_named(toy_data, cache_dir, harm, expected):
    write_folders(toy_data)
    if harm == "a class too many":
        (toy_data / "train" / "cow").mkdir()
    elif harm == "a class less in val":
        shutil.rmtree(toy_data / "val" / "bee")
    elif harm == "another class in val":
        (toy_data / "val" / "cow").mkdir()
    elif harm == "flat val":
        shutil.rmtree(toy_data / "val")
        save(toy_data / "val" / "ILSVRC2012_val_00000001.JPEG", pixels(4, 6, 3))
        save(toy_data / "test" / "ILSVRC2012_test_00000001.JPEG", pixels(4, 6, 3))
    elif harm == "loose image":
        save(toy_data / "train" / "loose.png", pixels(4, 6, 3))
    elif harm == "another size":
        save(toy_data / "train" / "bee" / "01.jpg", pixels(2, 6, 3))
    elif harm == "another mode":
        save(toy_data / "train" / "bee" / "01.jpg", pixels(4, 6))
    elif harm == "torn":
        os.truncate(toy_data / "val" / "ant" / "0.png", 60)
    else:
        (toy_data / "val" / "ant" / "0.png").unlink()
        (toy_data / "val" / "ant" / "0.png").symlink_to(toy_data / "nowhere")
    assert expected in refused(FOLDERS, toy_data, cache_dir)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_class_without_images_is_named(toy_data, cache_dir, split):
    write_folders(toy_data)
    for path in (toy_data / split / "bee").iterdir():
        path.unlink()
    line = refused(FOLDERS, toy_data, cache_dir)
    assert line == f"{toy_data / split / 'bee'}: no JPEG or PNG images in it; put them there"


def test_folders_belong_to_classes_by_name_and_not_by_position(toy_data):
    images = write_folders(toy_data)
    found = stored_dataset({**FOLDERS, "classes": ["bee", "ant"]}, toy_data.parent)
    inputs, labels, _ = official(found)
    assert np.array_equal(inputs, stacked(images["train"][12:] + images["train"][:12]))
    assert (found.class_names, labels) == (("bee", "ant"), [0] * 12 + [1] * 12)


def test_folders_of_other_names_than_the_classes_are_not_guessed_at(toy_data, cache_dir):
    write_folders(toy_data)
    line = refused({**FOLDERS, "classes": ["ant", "wasp"]}, toy_data, cache_dir)
    assert line == f"{toy_data / 'train'}: the folder bee belongs to no class; remove it"


def test_folders_that_a_card_does_not_name_are_refused(toy_data, cache_dir):
    write_folders(toy_data)
    line = refused({**FOLDERS, "folders": ["ant", "n02"]}, toy_data, cache_dir)
    assert line == f"{toy_data / 'train'}: the folder bee belongs to no class; remove it"


def test_an_image_that_comes_later_is_read(toy_data):
    write_folders(toy_data)
    before = image_folder.stamp(FOLDERS, toy_data)
    os.utime(toy_data / "train" / "ant", ns=(1, 1))
    assert image_folder.stamp(FOLDERS, toy_data) != before


def test_a_test_folder_without_classes_gives_way_to_val(toy_data):
    images = write_folders(toy_data)
    save(toy_data / "test" / "ILSVRC2012_test_00000001.JPEG", pixels(4, 6, 3))
    _, _, test = official(stored_dataset(FOLDERS, toy_data.parent))
    assert np.array_equal(test.inputs, stacked(images["test"]))
