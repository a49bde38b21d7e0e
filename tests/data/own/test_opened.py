"""Splits that files, folders or columns name; two readings are refused."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.support.own_files import (
    declared,
    examples,
    opened,
    refused,
    texts,
    write_table,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def parquet(path: Path, first: int = 0) -> Path:
    table = pa.table({"text": [f"{first + i}" for i in range(10)], "label": [0, 1] * 5})
    return write_table(path, table)


LAYOUTS = {
    "one file": (["d.parquet"], {"train"}),
    "hub, hashes": (
        [
            "data/train-00000-of-00002-0a1b2c3d4e5f6071.parquet",
            "data/train-00001-of-00002-ffeeddccbbaa9988.parquet",
            "data/test-00000-of-00001-1234567890abcdef.parquet",
        ],
        {"train", "test"},
    ),
    "hub, converted": (
        ["train/0000.parquet", "train/0001.parquet", "test/0000.parquet"],
        {"train", "test"},
    ),
    "folder of a config": (["plain_text/train-00000-of-00001.parquet"], {"train"}),
    "three splits": (
        ["train.parquet", "validation.parquet", "test.parquet"],
        {"train", "validation", "test"},
    ),
    "other words": (
        ["training.parquet", "dev.parquet", "eval.parquet"],
        {"train", "validation", "test"},
    ),
    "partitions by split": (
        ["split=train/part-0.parquet", "split=test/part-0.parquet"],
        {"train", "test"},
    ),
    "parts": ([f"part-{i}.parquet" for i in (0, 1, 2, 10)], {"train"}),
    "hidden files": (["train.parquet", ".train.parquet", "__MACOSX/train.parquet"], {"train"}),
    "one-based": (["train-1-of-2.parquet", "train-2-of-2.parquet"], {"train"}),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts_that_are_read(tmp_path, case):
    files, splits = LAYOUTS[case]
    for number, name in enumerate(files):
        parquet(tmp_path / "d" / name, 10 * number)
    spec = declared(tmp_path / "d")
    assert {line.partition(":")[0] for line in spec.card.found} == splits
    found = opened(tmp_path / "d")
    shown = sum(not name.startswith((".", "__")) for name in files)
    assert sorted(int(text) for text, _ in examples(found).values()) == list(range(10 * shown))
    if "validation" in splits:
        assert sorted(map(int, found.splits["validation"].inputs)) == list(range(10, 20))


UNCLEAR = {
    "an old copy": (
        ["train.parquet", "train_old.parquet"],
        "may both be the train split; move one away, or name the files of it: train: train.parquet",
    ),
    "a stray file": (
        ["train.parquet", "extra.parquet"],
        "extra.parquet: of no split, as train.parquet is",
    ),
    "two configs": (
        ["a/train.parquet", "b/train.parquet"],
        "a/train.parquet and b/train.parquet may both",
    ),
    "a shard too few": (
        ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"],
        "number 1 of 3 is missing",
    ),
    "two downloads": (
        [
            "train-00000-of-00001-aaaaaaaaaaaaaaaa.parquet",
            "train-00000-of-00001-bbbbbbbbbbbbbbbb.parquet",
        ],
        "one is there twice",
    ),
    "two words": (["train_test.parquet"], "names the splits test and train"),
    "no training": (["test.parquet"], "no training split, but test"),
    "two tables": (["a.parquet", "b.parquet"], "a.parquet and b.parquet may both be the train"),
    "valid and val": (
        ["train.parquet", "valid.parquet", "val.parquet"],
        "may both be the validation split; move one away, or name the files of all splits: "
        "validation: val.parquet",
    ),
    "partitions by name": (
        ["label=cat/part-0.parquet", "label=dog/part-0.parquet"],
        "the folder label=cat holds column label in its name, which is not read; write label into",
    ),
    "partitions by number": (
        ["year=2019/part-0.parquet", "year=2020/part-0.parquet"],
        "the folder year=2019 holds column year in its name",
    ),
    "copies of a program": (
        ["train.parquet", "train (1).parquet"],
        "train (1).parquet and train.parquet may both be",
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_layouts_with_two_readings_are_refused(tmp_path, case):
    files, reason = UNCLEAR[case]
    for name in files:
        parquet(tmp_path / "d" / name)
    assert reason in refused(tmp_path / "d")


def test_files_can_be_named(tmp_path):
    for number, name in enumerate(["train.parquet", "train_old.parquet", "extra.parquet"]):
        parquet(tmp_path / "d" / name, 10 * number)
    found = opened(tmp_path / "d", train="train_old.parquet", test=["extra.parquet"])
    assert sorted(map(int, found.splits["test"].inputs)) == list(range(20, 30))
    assert sorted(int(t) for t, _ in examples(found).values()) == list(range(10, 30))
    assert "no file is called nope*" in refused(tmp_path / "d", train="nope*")
    both = refused(tmp_path / "d", train="*.parquet", test="extra.parquet")
    assert "named for train and for test" in both
    assert "name the files of the training split, too" in refused(
        tmp_path / "d", test="extra.parquet"
    )


def test_a_column_names_the_splits(tmp_path):
    fold = pa.array((["train"] * 3 + ["dev"] + ["Test"]) * 4)
    write_table(tmp_path / "d" / "all.parquet", texts(pa.array(["a", "b"] * 10), fold=fold))
    found = opened(tmp_path / "d", split="fold")
    for name, word in (("validation", "dev"), ("test", "Test")):
        numbers = {int(text.split()[-1]) for text in found.splits[name].inputs}
        assert numbers == {i for i in range(20) if fold[i].as_py() == word}
    fold = pa.array(["train", "2"] * 10)
    write_table(tmp_path / "d" / "all.parquet", texts(pa.array(["a", "b"] * 10), fold=fold))
    assert "column fold has '2'; a split is called train" in refused(tmp_path / "d", split="fold")


def test_a_split_without_labels_is_told_and_not_used(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 1] * 10)), ["a", "b"])
    write_table(tmp_path / "d" / "test.parquet", texts(pa.array([-1] * 5)), ["a", "b"])
    spec = declared(tmp_path / "d")
    assert "the test split has no labels: not used" in spec.card.found
    assert len(examples(opened(tmp_path / "d"))) == 20
    write_table(tmp_path / "d" / "test.parquet", pa.table({"text": ["x", "y"]}))
    assert "the test split has no labels: not used" in declared(tmp_path / "d").card.found


def test_a_class_that_only_the_test_split_has_is_refused(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array(["a", "b"] * 10)))
    write_table(tmp_path / "d" / "test.parquet", texts(pa.array(["a", "c"] * 10)))
    assert "class 'c' of column label has 0 training examples" in refused(tmp_path / "d")


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a text", "zero rows", "damaged"])
def test_places_without_data(tmp_path, what):
    place = tmp_path / "d"
    expected = {
        "nothing": "no such folder or file",
        "an empty folder": "no data in it",
        "a text": "no data in it",
        "zero rows": "no rows in it",
        "damaged": "not a whole Parquet file",
    }[what]
    if what != "nothing":
        place.mkdir()
    if what == "a text":
        (place / "README.md").write_text("hello")
    if what == "zero rows":
        write_table(
            place / "train.parquet",
            pa.table({"text": pa.array([], pa.string()), "label": pa.array([], pa.int64())}),
            ["a", "b"],
        )
    if what == "damaged":
        (place / "train.parquet").write_bytes(b"PAR1 and no more")
    assert expected in refused(place)


def test_two_columns_of_one_name(tmp_path):
    table = pa.Table.from_arrays(
        [pa.array(["x"] * 4)] * 2 + [pa.array([0, 1] * 2)], ["text", "text", "label"]
    )
    write_table(tmp_path / "d" / "train.parquet", table)
    assert "2 columns are called text; rename one" in refused(tmp_path / "d")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            {"label": "lable"},
            "no column lable; did you mean 'label'?; columns: text (string), label (int64)",
        ),
        ({"text": "label"}, "column label has int64; texts are text"),
        ({"image": "text", "text": "text"}, "either an image column or a text column"),
        ({"text": "label", "label": "label"}, "column label has int64"),
        ({"group": "label"}, "one column is named for two things"),
        ({"resize": 0}, "resize"),
        ({"resize": True}, "resize"),
        ({"crop": "middle"}, "crop"),
        ({"mode": "RGBA"}, "mode"),
        ({"config": "x"}, "config and revision are of data sets of the hub"),
        ({"encoding": "nope-8"}, "none is called 'nope-8'"),
    ],
)
def test_entries_that_do_not_fit_are_refused(tmp_path, entry, reason):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 1] * 10)))
    assert reason in refused(tmp_path / "d", **entry)
