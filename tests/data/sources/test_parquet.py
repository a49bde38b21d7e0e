"""The Parquet source: reading, and every way in which a folder can be wrong."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import mubench.data
from mubench.catalogue import cards
from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import load_dataset
from mubench.data.sources import parquet
from mubench.data.sources.raw import fingerprint
from mubench.errors import DataError
from tests.support.parquet_files import (
    LABELS,
    PIXELS,
    PNG,
    encode,
    read_stored,
    whole,
    write_parquet,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


ROOT = Path(mubench.data.__file__).parents[2]


def test_pixels_and_labels_come_back_as_they_were_stored(parquet_folder):
    found = read_stored(parquet_folder)
    test = found.splits["test"]
    assert np.array_equal(whole(found), PIXELS.transpose(0, 3, 1, 2))
    assert np.array_equal(test.inputs, PIXELS[:10].transpose(0, 3, 1, 2))
    assert whole(found, "labels").tolist() == LABELS
    assert (test.ids.tolist(), test.labels.tolist()) == (list(range(30, 40)), LABELS[:10])
    assert found.class_names == ("cat", "dog")
    assert found.fingerprint == fingerprint(
        [np.array(LABELS + LABELS[:10])], [whole(found), test.inputs]
    )


def test_class_names_come_from_the_schema_where_it_has_them(parquet_folder):
    for split in ("train", "test"):
        write_parquet(parquet_folder / f"{split}.parquet", names=["chat", "chien"])
    assert read_stored(parquet_folder).class_names == ("chat", "chien")


def replaced(position: int, value: object, values: list) -> list:
    return [*values[:position], value, *values[position + 1 :]]


SMALL = encode(PIXELS[0, :3])
GREY = encode(PIXELS[0, :, :, 0])
BAD_ROWS = {
    "another size": ({"images": replaced(17, SMALL, PNG)}, "row 17: the image is RGB 6x3, but"),
    "another mode": ({"images": replaced(17, GREY, PNG)}, "row 17: the image is L 6x4, but"),
    "not an image": ({"images": replaced(3, b"no", PNG)}, "row 3: the image cannot be decoded"),
    "half an image": (
        {"images": replaced(3, PNG[3][: len(PNG[3]) // 2], PNG)},
        "row 3: the image cannot be decoded",
    ),
    "a foreign format": (
        {"images": replaced(3, encode(PIXELS[3], "BMP"), PNG)},
        "row 3: the image cannot be decoded",
    ),
    "no bytes": ({"images": replaced(29, None, PNG)}, "row 29: no image bytes"),
    "label too large": ({"labels": replaced(5, 2, LABELS)}, "row 5: label 2 in column label"),
    "label negative": ({"labels": replaced(5, -1, LABELS)}, "row 5: label -1 in column label"),
    "label null": ({"labels": replaced(5, None, LABELS)}, "row 5: label null in column label"),
    "no image column": ({"column": "picture"}, "no image column img or image of bytes"),
    "no label column": ({"label": "y"}, "no integer column label"),
    "label is text": ({"labels": ["cat"] * 30}, "no integer column label"),
    "class names": ({"names": ["a", "b", "c"]}, "3 class names; expected the 2 of the card"),
    "class order": (
        {"names": ["dog", "cat"]},
        "class 0 is called 'dog', which is class 1 of the card; number the labels in the card's",
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_named_in_one_line_and_leave_no_cache(parquet_folder, cache_dir, case):
    changes, message = BAD_ROWS[case]
    write_parquet(parquet_folder / "train.parquet", **changes)
    with pytest.raises(DataError) as caught:
        read_stored(parquet_folder)
    assert message in str(caught.value)
    assert str(parquet_folder / "train.parquet") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_rows_are_numbered_over_batches(parquet_folder, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 4)
    write_parquet(parquet_folder / "train.parquet", replaced(17, SMALL, PNG))
    with pytest.raises(DataError, match=r"train\.parquet: row 17: the image is RGB 6x3"):
        read_stored(parquet_folder)


def harm_folder(folder: Path, case: str) -> None:
    train = folder / "train.parquet"
    if case == "no folder":
        shutil.rmtree(folder)
    elif case == "no test file":
        (folder / "test.parquet").unlink()
    elif case == "truncated":
        os.truncate(train, train.stat().st_size // 2)
    elif case == "empty":
        train.write_bytes(b"")
    elif case == "torn page":
        torn = bytearray(train.read_bytes())
        torn[4:400] = b"\xff" * 396
        train.write_bytes(torn)
    else:
        train.rename(folder / "train-0.parquet")
        write_parquet(folder / "train-1.parquet", column="image")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no folder", "toy: no such folder; put there train*.parquet and test*.parquet"),
        ("no test file", "toy: no test*.parquet in it; put the test split there"),
        ("truncated", "train.parquet: not a whole Parquet file, fetch it again"),
        ("empty", "train.parquet: not a whole Parquet file, fetch it again"),
        ("torn page", "train.parquet: not a whole Parquet file, fetch it again"),
        ("unlike shards", "train-0.parquet, ...: the shards differ in columns"),
    ],
)
def test_a_bad_folder_is_named_in_one_line(parquet_folder, cache_dir, case, message):
    harm_folder(parquet_folder, case)
    with pytest.raises(DataError) as caught:
        read_stored(parquet_folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache_dir.exists() or not [p for p in cache_dir.iterdir() if p.is_dir()]


def real_data(name: str) -> Path:
    """The folder of real data sets, or a skip."""
    root = Path(os.environ.get("MUBENCH_DATA") or ROOT.parent / "shared" / "data")
    if not (root / name).is_dir():
        pytest.skip(f"no real {name}: set MUBENCH_DATA to a folder with {name}/ in it")
    return root


@pytest.mark.slow
def test_real_cifar10_is_what_its_card_declares():
    root = real_data("cifar10")
    card = cards.dataset("cifar10").card
    dataset = load_dataset(card, {}, SPLITS, "cpu", root)
    assert {name: len(getattr(dataset, name)) for name in SPLITS} == card["sizes"]
    assert dataset.class_names == tuple(card["classes"])
    assert torch.bincount(dataset.train.labels).tolist() == [4500] * 10
    assert torch.bincount(dataset.validation.labels).tolist() == [500] * 10
    moments = [torch.var_mean(batch.inputs, (0, 2, 3)) for batch in dataset.train.batches(5000)]
    assert torch.stack([mean for _, mean in moments]).mean(0).abs().max() < 1e-3
    assert (torch.stack([var for var, _ in moments]).mean(0) - 1).abs().max() < 1e-2


def test_a_fifth_of_cifar100_is_read_by_its_fine_labels():
    root = real_data("cifar100")
    card = cards.dataset("cifar100").card
    dataset = load_dataset(card, {}, ("validation", "test"), "cpu", root)
    assert dataset.class_names == tuple(card["classes"])
    assert torch.bincount(dataset.test.labels).tolist() == [100] * 100
    assert len(set(torch.bincount(dataset.validation.labels).tolist())) == 1
