"""Splits by the names of files; layouts as people have them are in `own/test_opened.py`."""

import pytest

from mubench.data.tables.layout import by_name, by_pattern, split_word
from mubench.data.tables.place import File
from mubench.errors import DataError


def files(*names):
    return [File(f"/d/{name}", name, 1, 0) for name in names]


def names(layout):
    return {split: [file.name for file in of] for split, of in layout.items()}


def test_shards_are_in_the_order_of_their_numbers():
    found = by_name(files("train-10.csv", "train-9.csv", "test.csv"), "/d")
    assert names(found) == {"train": ["train-9.csv", "train-10.csv"], "test": ["test.csv"]}


@pytest.mark.parametrize("numbers", [(0, 0), (1, 1), (0, 2), (1, 3), (2, 1, 0)])
def test_numbered_shards_must_be_whole(numbers):
    shards = files(
        *(f"train-0000{n}-of-00002-{'ab' * 4}{i}.parquet" for i, n in enumerate(numbers))
    )
    with pytest.raises(DataError, match=r"one is there twice|is missing"):
        by_name(shards, "/d")


def test_patterns_keep_their_order_and_take_a_file_once():
    found = by_pattern(files("b.csv", "a.csv", "c.csv"), {"train": ["b*", "*"]}, "/d")
    assert names(found) == {"train": ["b.csv", "a.csv", "c.csv"]}


@pytest.mark.parametrize(
    ("word", "split"), [("Train ", "train"), ("VAL", "validation"), ("x", None)]
)
def test_words_of_splits(word, split):
    assert split_word(word) == split
