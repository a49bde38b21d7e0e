"""Tiny ImageNet in its own layout, and broken forms of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mubench.data.cache.decoded import stored_dataset
from mubench.data.sources import tiny_imagenet
from tests.support.written_data import card, official, pixels, refused, save, stacked

pytestmark = pytest.mark.usefixtures("cache_dir")


TINY = card("tiny_imagenet", ["fish", "cat"], [3, 64, 64], folders=["n01", "n02"])


def write_tiny(root: Path) -> dict[str, list]:
    """Two classes of twelve training images; validation images in one folder, one of them grey."""
    images = {"train": [], "test": [pixels(64, 64), pixels(64, 64, 3), pixels(64, 64, 3)]}
    root.mkdir(exist_ok=True)
    (root / "wnids.txt").write_text("n02\nn01\n")
    (root / "words.txt").write_text("n00\tentity\nn01\tfish, swimmer\nn02\tcat\n")
    for wnid in ("n01", "n02"):
        for i in range(12):
            images["train"].append(pixels(64, 64, 3))
            save(root / "train" / wnid / "images" / f"{wnid}_{i:02}.JPEG", images["train"][-1])
    for i, image in enumerate(images["test"]):
        save(root / "val" / "images" / f"val_{i}.JPEG", image)
    lines = [f"val_{i}.JPEG\tn0{i % 2 + 1}\t0\t0\t62\t62\n" for i in (2, 0, 1)]
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    return images


@pytest.mark.parametrize("inner", [False, True])
def test_tiny_imagenet_is_read_from_its_own_layout(toy_data, inner):
    images = write_tiny(toy_data / "tiny-imagenet-200" if inner else toy_data)
    found = stored_dataset(TINY, toy_data.parent)
    inputs, labels, test = official(found)
    assert np.array_equal(inputs, stacked(images["train"]))
    assert labels == [0] * 12 + [1] * 12
    assert (test.inputs[0] == images["test"][0]).all()
    assert np.array_equal(test.inputs[1:], stacked(images["test"][1:]))
    assert test.labels.tolist() == [0, 1, 0]
    assert found.class_names == ("fish", "cat")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("n01\tfish, swimmer\nn02\tcat\n", ("fish", "cat")),
        ("n01\tcrane, bird\nn02\tcrane\n", ("crane n01", "crane n02")),
        ("n01\tfish\n", ("fish", "n02")),
        (None, ("n01", "n02")),
    ],
)
def test_classes_that_a_card_does_not_name_are_called_by_their_words(toy_data, words, names):
    write_tiny(toy_data)
    (toy_data / "words.txt").unlink()
    if words is not None:
        (toy_data / "words.txt").write_text(words)
    of = {key: value for key, value in TINY.items() if key != "folders"}
    assert stored_dataset(of, toy_data.parent).class_names == names


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (
            "unknown class",
            "val_annotations.txt: line 1: unknown class 'n77'; fetch this file again",
        ),
        ("no tab", "val_annotations.txt: line 1: unknown class ''; fetch this file again"),
        ("no image", "val/images/val_1.JPEG: missing; put it there"),
        ("no annotation", "val_annotations.txt: no line for val_9.JPEG; fetch this file again"),
        ("no annotations", "val_annotations.txt: no such file; put it there"),
        ("not text", "val_annotations.txt: cannot be read ("),
        ("no class", "train/n02/images: cannot be listed (No such file or directory); put the"),
        ("a class more", "wnids.txt: n03 is in either it or the card, but not in both; expected"),
        ("another size", "train/n01/images/n01_00.JPEG: the image is RGB 32x32, but all must be "),
    ],
)
def test_a_bad_tiny_imagenet_is_named(toy_data, cache_dir, harm, expected):
    write_tiny(toy_data)
    annotations = toy_data / "val" / "val_annotations.txt"
    if harm == "unknown class":
        annotations.write_text("val_0.JPEG\tn77\t0\t0\t1\t1\n")
    elif harm == "no tab":
        annotations.write_text("val_0.JPEG n01\n")
    elif harm == "no image":
        (toy_data / "val" / "images" / "val_1.JPEG").unlink()
    elif harm == "no annotation":
        save(toy_data / "val" / "images" / "val_9.JPEG", pixels(64, 64, 3))
    elif harm == "no annotations":
        annotations.unlink()
    elif harm == "not text":
        annotations.write_bytes(b"\xff\xfe\x00")
    elif harm == "no class":
        shutil.rmtree(toy_data / "train" / "n02")
    elif harm == "a class more":
        (toy_data / "wnids.txt").write_text("n01\nn02\nn03\n")
    else:
        save(toy_data / "train" / "n01" / "images" / "n01_00.JPEG", pixels(32, 32, 3))
    assert expected in refused(TINY, toy_data, cache_dir)


def test_a_count_of_classes_that_is_not_the_cards_is_refused(toy_data, cache_dir):
    write_tiny(toy_data)
    of = card("tiny_imagenet", ["only"], [3, 64, 64])
    assert "wnids.txt: 2 classes; expected the 1 classes of the" in refused(of, toy_data, cache_dir)


def test_a_changed_list_of_tiny_imagenet_is_read_again(toy_data):
    write_tiny(toy_data)
    before = tiny_imagenet.stamp(TINY, toy_data)
    (toy_data / "val" / "val_annotations.txt").write_text("")
    assert tiny_imagenet.stamp(TINY, toy_data) != before
