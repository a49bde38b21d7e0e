"""Folders of images by class and split."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.own_files import (
    declared,
    examples,
    folder_of_images,
    noise,
    opened,
    refused,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_a_folder_of_images_by_class(tmp_path):
    folder_of_images(tmp_path / "pets", {"dog": 10, "cat": 10})
    found = opened(tmp_path / "pets")
    assert found.class_names == ("cat", "dog")
    for id_, (pixels, name) in examples(found).items():
        file = tmp_path / "pets" / name / f"{id_ % 10:03}.png"
        assert np.array_equal(pixels, np.asarray(Image.open(file)).transpose(2, 0, 1))
        assert name == ("cat", "dog")[id_ // 10]


def test_a_folder_of_images_by_split_and_class(tmp_path):
    folder_of_images(tmp_path / "pets" / "train", {"dog": 10, "cat": 10})
    folder_of_images(tmp_path / "pets" / "val", {"dog": 2, "cat": 2}, seed=50)
    folder_of_images(tmp_path / "pets" / "test", {"dog": 3, "cat": 3}, seed=80)
    found = opened(tmp_path / "pets")
    assert [len(split.ids) for split in found.splits.values()] == [20, 4, 6]
    (tmp_path / "pets" / "notes.txt").write_text("hello")
    shutil.rmtree(tmp_path / "pets" / "test" / "dog")
    spec = declared(tmp_path / "pets")
    assert "test has no example of 1 class (dog)" in spec.card.found


def flat_test(folder: Path) -> None:
    folder_of_images(folder / "train", {"dog": 10, "cat": 10})
    (folder / "test").mkdir()
    noise(99).save(folder / "test" / "1.png")


def test_images_of_a_test_split_without_classes_are_told(tmp_path):
    flat_test(tmp_path / "pets")
    assert any(
        "test/ has 1 images without folders of classes: not used" in line
        for line in declared(tmp_path / "pets").card.found
    )


def deep(folder: Path) -> None:
    folder_of_images(folder / "dog", {"big": 4, "small": 4})
    folder_of_images(folder, {"cat": 4})


def beside(folder: Path) -> None:
    folder_of_images(folder, {"dog": 4, "cat": 4})
    noise(1).save(folder / "loose.png")


def a_table(folder: Path) -> None:
    folder_of_images(folder, {"dog": 4, "cat": 4})
    (folder / "labels.csv").write_text("a,b\n")


def heic(folder: Path) -> None:
    folder_of_images(folder, {"dog": 4, "cat": 4})
    (folder / "dog" / "new.heic").write_bytes(b"x")


def empty(folder: Path) -> None:
    folder_of_images(folder, {"dog": 4, "cat": 4, "cow": 0})


def mixed(folder: Path) -> None:
    folder_of_images(folder, {"train": 4, "cat": 4})


def flat_splits(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        noise(1).save(folder / split / "1.png")


def held_out_alone(folder: Path) -> None:
    folder_of_images(folder / "test", {"dog": 4, "cat": 4})


def wrapped(folder: Path) -> None:
    folder_of_images(folder / "pets", {"dog": 4, "cat": 4})


def packed(folder: Path) -> None:
    folder.mkdir()
    (folder / "pets.zip").write_bytes(b"PK")


def a_json(folder: Path) -> None:
    folder.mkdir()
    (folder / "pets.json").write_text("[]")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (flat_splits, "train/ has 1 images without folders of classes; put them into train/CLASS/"),
        (held_out_alone, "no training split, but test; put its images into train/CLASS/"),
        (wrapped, "a folder inside of a class; images lie in CLASS/, directly below"),
        (wrapped, "pets/pets as path"),
        (packed, "no data in it; unpack pets.zip"),
        (a_json, "if pets.json is a table of JSON lines, name it as path"),
        (deep, "a folder inside of a class"),
        (beside, "in the folder of no class"),
        (a_table, "has a table (labels.csv) and images"),
        (heic, "new.heic: no image of a known format"),
        (empty, "cow: no images in it"),
        (mixed, "splits, or classes?"),
    ],
)
def test_folders_of_images_with_two_readings(tmp_path, make, reason):
    make(tmp_path / "pets")
    assert reason in refused(tmp_path / "pets")


def test_patterns_do_not_name_images(tmp_path):
    folder_of_images(tmp_path / "pets", {"dog": 4, "cat": 4})
    assert "an image, and patterns name files of tables" in refused(tmp_path / "pets", train="cat*")
    (tmp_path / "pets" / "a.txt").write_text("x")
    assert "a.txt: no format that is read" in refused(tmp_path / "pets", train="*.txt")


def test_a_table_of_files_and_labels(tmp_path):
    folder_of_images(tmp_path / "all", {"images": 20})
    lines = [f"images/{i:03}.png,{'odd' if i % 2 else 'even'}" for i in range(20)]
    (tmp_path / "all" / "labels.csv").write_text("\n".join(["file,label", *lines]))
    found = opened(tmp_path / "all" / "labels.csv", image="file")
    for id_, (pixels, name) in examples(found).items():
        file = tmp_path / "all" / "images" / f"{id_:03}.png"
        assert np.array_equal(pixels, np.asarray(Image.open(file)).transpose(2, 0, 1))
        assert name == ("even", "odd")[id_ % 2]
    (tmp_path / "all" / "labels.csv").write_text("\n".join(["file,label", *lines, "gone.png,odd"]))
    assert "gone.png): cannot be read" in refused(tmp_path / "all" / "labels.csv", image="file")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("images/9.png", "row 1 (images/9.png): cannot be read; name a file, its folder beside"),
        ("images\\000.png", "000.png): cannot be read; write / between folders"),
        ("http://a.b/c.png", "c.png): cannot be read; addresses are not fetched: download"),
        ("", "row 1: no image"),
    ],
)
def test_files_of_a_table_that_are_not_there_are_named_by_their_row(tmp_path, name, reason):
    folder_of_images(tmp_path / "all", {"images": 20})
    names = [name if i == 1 else f"images/{i:03}.png" for i in range(20)]
    lines = [f"{name},{'odd' if i % 2 else 'even'}" for i, name in enumerate(names)]
    (tmp_path / "all" / "labels.csv").write_text("\n".join(["file,label", *lines]))
    said = refused(tmp_path / "all" / "labels.csv", image="file")
    assert reason in said.replace(f"{tmp_path}/all/", "")


def test_what_datasets_saved_has_each_split_once(tmp_path):
    for split in ("train", "val", "validation"):
        (tmp_path / "d" / split).mkdir(parents=True)
        (tmp_path / "d" / split / "state.json").write_text('{"_data_files": []}')
    names = tmp_path / "d" / "dataset_dict.json"
    names.write_text('{"splits": ["train", "val", "validation"]}')
    assert "val and validation are both the validation split; save" in refused(tmp_path / "d")
    names.write_text("{")
    assert "dataset_dict.json: names no splits; save the data set again" in refused(tmp_path / "d")
