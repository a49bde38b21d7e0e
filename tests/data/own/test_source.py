"""A person's own data: each case has the right meaning, or one line says why not."""

import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mubench.errors import MubenchError, is_one_line
from tests.support.own_files import (
    declared,
    encoded,
    examples,
    folder_of_images,
    noise,
    opened,
    solid,
    texts,
    write_images,
    write_table,
)

TWENTY = list(range(20))


def refused(path: Path, **entry: object) -> str:
    with pytest.raises((MubenchError, ValueError)) as caught:
        opened(path, **entry)
    text = str(caught.value)
    assert is_one_line(text)
    return text


# Labels


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (pa.array([7, 100_000] * 10), ("7", "100000")),
        (pa.array([2_000_000_000, 5] * 10), ("5", "2000000000")),
        (pa.array([1, 2, 3, 4, 5] * 4), ("1", "2", "3", "4", "5")),
        (pa.array([-1, 1] * 10), ("-1", "1")),
        (pa.array(["dog", "cat"] * 10), ("cat", "dog")),
        (pa.array(["10", "9", "2", "-1"] * 5), ("-1", "2", "9", "10")),
        (pa.array(["b", "10", "2", "a"] * 5), ("2", "10", "a", "b")),
        (pa.array([True, False] * 10), ("false", "true")),
        (pa.array([1.0, 0.0] * 10), ("0", "1")),
        (pa.array([3.0, 4.0] * 10, pa.float32()), ("3", "4")),
        (pa.array(["dog", "cat"] * 10).dictionary_encode(), ("cat", "dog")),
        (pa.array([5, 3] * 10).dictionary_encode(), ("3", "5")),
        (pa.array([b"x", b"y"] * 10), ("x", "y")),
        (pa.array(["x", "y"] * 10, pa.large_string()), ("x", "y")),
        (pa.array([1, 0] * 10, pa.uint8()), ("0", "1")),
        (pa.array(["ä", "Z", "a"] * 7)[:20], ("Z", "a", "ä")),
    ],
)
def test_labels_become_classes_in_a_stated_order(tmp_path, labels, names):
    write_table(tmp_path / "d" / "train.parquet", texts(labels))
    found = opened(tmp_path / "d")
    assert found.class_names == names
    said = {f"text number {i}": value.as_py() for i, value in enumerate(labels)}
    words = {False: "false", True: "true"}
    for text, name in examples(found).values():
        value = said[text]
        value = value.decode() if isinstance(value, bytes) else value
        if isinstance(value, float):
            value = int(value)
        assert name == (words[value] if isinstance(value, bool) else str(value))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (pa.array([0.5, 1.0] * 10), "0.5 is no class"),
        (pa.array([[1, 2], [3]] * 10), "values of type list<"),
        (pa.array([0, None] * 10), "row 1: no label in column label; 10 of 20 rows lack it"),
        (pa.array(["a", ""] * 10), "row 1: no label in column label; 10 of 20 rows lack it"),
        (pa.array(["a", "  "] * 10), "row 1: no label"),
        (pa.array([0] * 20), "has 1 class (0); two are needed"),
        (pa.array(TWENTY), "has 1 training example"),
        (pa.array([0, 1, 2] + [3] * 17), "class '0' of column label has 1 training example"),
        (pa.nulls(20), "column label has no labels"),
        (pa.array(TWENTY, pa.timestamp("s")), "values of type timestamp["),
        (pa.array([float("nan"), 1.0] * 10), "row 0: no label"),
        (pa.array([float("inf"), 1.0] * 10), "inf is no class"),
        (pa.array([2**63, 1] * 10, pa.uint64()), "9223372036854775808 is no class"),
    ],
)
def test_labels_that_are_no_classes_are_named(tmp_path, labels, reason):
    write_table(tmp_path / "d" / "train.parquet", texts(labels))
    assert reason in refused(tmp_path / "d")


def test_class_names_of_the_schema_name_numbers_and_absent_ones_are_left_out(tmp_path):
    names = ["ant", "bee", "cow", "dog"]
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([3, 1] * 10)), names)
    found = opened(tmp_path / "d")
    assert found.class_names == ("bee", "dog")
    assert {name for text, name in examples(found).values() if int(text.split()[-1]) % 2} == {"bee"}


def test_a_label_without_a_name_in_the_schema_is_named(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 2] * 10)), ["a", "b"])
    assert "value 2 has no name: the schema has 2, a, ..." in refused(tmp_path / "d")


def test_two_classes_of_one_name_are_refused(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 1] * 10)), ["a", "a"])
    assert "two classes called 'a'" in refused(tmp_path / "d")


def test_names_that_are_nearly_one_are_told(tmp_path):
    labels = pa.array(["Cat", "cat "] * 10)
    spec = declared(write_table(tmp_path / "d" / "t.parquet", texts(labels)).parent)
    assert "classes 'Cat' and 'cat ' have nearly one name" in spec.card.found


def test_groups_of_texts_are_numbered_like_labels(tmp_path):
    author = pa.array(["zoe", "adam", "mia", "adam"] * 5)
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 1] * 10), author=author))
    found = opened(tmp_path / "d", group="author")
    assert found.group_names == ("adam", "mia", "zoe")
    for split in found.splits.values():
        for row in range(len(split.ids)):
            number = int(split.inputs[row].split()[-1])
            assert found.group_names[split.groups[row]] == author[number].as_py()


def test_a_class_below_the_minimum_is_left_out_and_told(tmp_path):
    labels = pa.array(["a"] * 9 + ["b"] * 9 + ["rare"] * 2)
    write_table(tmp_path / "d" / "train.parquet", texts(labels))
    spec = declared(tmp_path / "d", min_class_size=3)
    assert spec.card.classes == ("a", "b")
    assert any(
        "1 class with fewer than 3 training examples left out (rare)" in s for s in spec.card.found
    )
    found = opened(tmp_path / "d", min_class_size=3)
    assert sorted(text for text, _ in examples(found).values()) == sorted(
        f"text number {i}" for i in range(18)
    )


def test_a_class_of_three_is_in_every_split(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array(["a"] * 3 + ["b"] * 30)))
    found = opened(tmp_path / "d")
    assert all((split.labels == 0).sum() == 1 for split in found.splits.values())


# Layouts


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
        "train.parquet and train_old.parquet may both be",
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
    "two tables": (["a.parquet", "b.parquet"], "a.parquet and b.parquet may both be that split"),
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
        ({"encoding": "nope-8"}, None),
    ],
)
def test_entries_that_do_not_fit_are_refused(tmp_path, entry, reason):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 1] * 10)))
    if reason is None:
        (tmp_path / "d" / "train.parquet").unlink()
        (tmp_path / "d" / "train.csv").write_text("text,label\nx,1\ny,2\n")
        reason = "train.csv: not a whole CSV file"
    assert reason in refused(tmp_path / "d", **entry)


# Tables of other formats


def rows(count: int = 20) -> list[tuple[str, str]]:
    return [(f'text, "number"\nof {i}', "ab"[i % 2]) for i in range(count)]


def as_csv(delimiter: str = ",", header: str = "text,label") -> str:
    lines = ['"' + text.replace('"', '""') + f'"{delimiter}{label}' for text, label in rows()]
    return "\n".join([header.replace(",", delimiter), *lines]) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "entry"),
    [
        ("d.csv", as_csv().encode(), {}),
        ("d.csv", as_csv(";").encode(), {}),
        ("d.tsv", as_csv("\t").encode(), {}),
        ("d.csv", b"\xef\xbb\xbf" + as_csv().encode(), {}),
        ("d.csv", as_csv().replace("\n", "\r\n").encode(), {}),
        ("d.csv", as_csv().encode("utf-16"), {"encoding": "utf-16"}),
        (
            "d.jsonl",
            "".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows()).encode(),
            {},
        ),
        (
            "d.ndjson",
            "".join(json.dumps({"label": label, "text": t}) + "\n" for t, label in rows()).encode(),
            {},
        ),
    ],
)
def test_tables_of_text_formats(tmp_path, name, content, entry):
    (tmp_path / name).write_bytes(content)
    found = opened(tmp_path / name, **entry)
    expected = {
        text.replace("\n", "\r\n") if b"\r\n" in content else text: label for text, label in rows()
    }
    assert dict(examples(found).values()) == expected
    assert found.class_names == ("a", "b")


def test_gzipped_csv(tmp_path):
    import gzip

    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(as_csv().encode()))
    assert dict(examples(opened(tmp_path / "train.csv.gz")).values()) == dict(rows())


def test_labels_of_a_csv_are_names(tmp_path):
    lines = [f"text {i},{'007' if i % 2 else '7'}" for i in range(20)]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *lines]))
    assert opened(tmp_path / "d.csv").class_names == ("007", "7")


@pytest.mark.parametrize("label", ["NA", "null", "nan", "None", "N/A"])
def test_words_that_other_programs_read_as_nothing_are_names(tmp_path, label):
    lines = [f"text {i},{label if i % 2 else 'yes'}" for i in range(20)]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *lines]))
    assert set(opened(tmp_path / "d.csv").class_names) == {label, "yes"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("d.csv", "text,label\ncaf\xe9,1\nx,2\n".encode("latin-1"), "add 'encoding: latin-1'"),
        ("d.csv", as_csv().encode("utf-16"), "is UTF-16; add 'encoding: utf-16'"),
        ("d.csv", b"text,label\nx,1,2\ny,2\n", "not a whole CSV file"),
        ("d.csv", b"", "not a whole CSV file"),
        ("d.csv", b"text,label,label\nx,1,1\ny,2,2\n", "2 columns are called label"),
        ("d.csv", b"review,stars\nx,1\ny,2\n", "which column has the labels? add 'label: COLUMN'"),
        ("d.jsonl", b'[{"text": "x", "label": 1}]', "each line must be one JSON object"),
        ("d.jsonl", b'{"text": "x", "label": 1}\n{"text": "y", "label": "b"}\n', "JSON lines file"),
        ("d.jsonl", b'{"text": "x", "label": 1', "not a whole JSON lines file"),
        ("d.parquet", b"text,label\n", "not a whole Parquet file"),
        ("d.arrow", b"nonsense", "not a whole Arrow file"),
        ("d.xlsx", b"PK", "no format that is read; save it as Parquet"),
    ],
)
def test_tables_that_cannot_be_read_are_named(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    text = refused(tmp_path / name)
    assert str(tmp_path / name) in text
    assert reason in text


def test_arrow_files(tmp_path):
    table = texts(pa.array(["a", "b"] * 10))
    (tmp_path / "d").mkdir()
    with (
        pa.OSFile(str(tmp_path / "d" / "train.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as w,
    ):
        w.write_table(table)
    assert len(examples(opened(tmp_path / "d"))) == 20


def test_what_the_library_datasets_saved(tmp_path):
    datasets = pytest.importorskip("datasets")
    labels = [i % 2 for i in range(20)]
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    pictures = [noise(i) for i in range(20)]
    part = datasets.Dataset.from_dict({"image": pictures, "label": labels}, features=features)
    whole = datasets.DatasetDict({"train": part, "test": part.select(range(4))})
    whole.save_to_disk(str(tmp_path / "both"))
    part.save_to_disk(str(tmp_path / "one"), num_shards=3)
    for folder, count in (("both", 24), ("one", 20)):
        found = opened(tmp_path / folder)
        assert found.class_names == ("cat", "dog")
        assert len(examples(found)) == count
        for id_, (pixels, name) in examples(found).items():
            picture = pictures[id_ if id_ < 20 else id_ - 20]
            assert np.array_equal(pixels, np.asarray(picture).transpose(2, 0, 1))
            assert name == ("cat", "dog")[id_ % 2]


# Folders of images


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


@pytest.mark.parametrize(
    ("make", "reason"),
    [
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
    assert "gone.png: cannot be read" in refused(tmp_path / "all" / "labels.csv", image="file")


# Images


def pictures(folder: Path, odd: bytes, name: str = "train.parquet") -> Path:
    """Nineteen images of 6x4 and one other, last, so that its place is known."""
    images = [encoded(noise(i)) for i in range(19)] + [odd]
    write_images(folder / name, images, pa.array([0, 1] * 10))
    return folder


def grey16() -> bytes:
    return encoded(Image.fromarray(np.full((4, 6), 257 * 100, np.uint16)))


def palette() -> Image.Image:
    return noise(5).quantize(8)


def clear(alpha: int) -> Image.Image:
    image = noise(5).convert("RGBA")
    image.putalpha(alpha)
    return image


def shifted() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = noise(5).rotate(90, expand=True)
    return encoded(turned, "PNG", exif=exif)


def as_rgb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("odd", "entry", "expected"),
    [
        (encoded(palette()), {}, as_rgb(palette())),
        (encoded(clear(255)), {}, as_rgb(noise(5))),
        (encoded(clear(9)), {"mode": "RGB"}, as_rgb(noise(5))),
        (encoded(solid(77, mode="L")), {}, np.full((3, 4, 6), 77)),
        (encoded(solid(1, mode="1")), {}, np.full((3, 4, 6), 255)),
        (grey16(), {"mode": "RGB"}, np.full((3, 4, 6), 100)),
        (encoded(noise(5), "WEBP", lossless=True), {}, as_rgb(noise(5))),
        (encoded(noise(5), "BMP"), {}, as_rgb(noise(5))),
        (encoded(noise(5), "TIFF"), {}, as_rgb(noise(5))),
        (shifted(), {}, as_rgb(noise(5))),
        (
            encoded(solid((0, 255, 255, 0), mode="CMYK"), "TIFF"),
            {"mode": "RGB"},
            np.array([255, 0, 0]),
        ),
        (encoded(solid((9, 8, 7), (12, 8))), {"resize": [4, 6]}, np.array([9, 8, 7])),
        (
            encoded(solid((9, 8, 7), (3, 90))),
            {"resize": [4, 6], "crop": "none"},
            np.array([9, 8, 7]),
        ),
    ],
)
def test_images_become_what_they_show(tmp_path, odd, entry, expected):
    found = opened(pictures(tmp_path / "d", odd), **entry)
    pixels = examples(found)[19][0]
    whole = expected if expected.ndim == 3 else np.broadcast_to(expected[:, None, None], (3, 4, 6))
    assert np.array_equal(pixels, whole)
    assert np.array_equal(examples(found)[3][0], as_rgb(noise(3)))


def test_padding_adds_black(tmp_path):
    found = opened(
        pictures(tmp_path / "d", encoded(solid("white", (4, 4)))), resize=[4, 6], crop="pad"
    )
    assert examples(found)[19][0][0].tolist() == [[0, 255, 255, 255, 255, 0]] * 4


def bomb() -> bytes:
    """A PNG of 20,000 x 20,000 bits in a few kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress(bytes(20_000 * 2_501), 9)
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def animation() -> bytes:
    return encoded(noise(1), "GIF", save_all=True, append_images=[noise(2)])


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (
            encoded(clear(9)),
            "a transparent image (RGBA) would lose its transparency; add 'mode: RGB'",
        ),
        (grey16(), "a grey image of 16 bits would become one of 8; add 'mode: RGB'"),
        (
            encoded(solid((0, 0, 0, 0), mode="CMYK"), "JPEG"),
            "an image of mode CMYK would become RGB",
        ),
        (
            encoded(noise(1, (8, 4))),
            "images of different sizes (20 RGB; 2 sizes, 6x4 to 8x4); add 'resize",
        ),
        (bomb(), "far too many pixels, more than 100,000,000"),
        (encoded(solid(1, (30_000, 4_000), "1")), "30000x4000 pixels, more than 100,000,000"),
        (animation(), "an animation of 2 frames"),
        (b"hello", "it is none of PNG, JPEG"),
        (b"", "no image bytes"),
        (encoded(noise(1))[:60], "cannot be decoded"),
        (encoded(noise(1), "ICO"), "it is none of PNG, JPEG"),
        (encoded(solid(0.5, mode="F"), "TIFF"), "an image of mode F would become RGB"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_images_that_cannot_be_what_they_show_are_named(tmp_path, odd, reason):
    text = refused(pictures(tmp_path / "d", odd))
    assert reason in text
    assert "row 19" in text or "sizes" in text


def test_grey_images_stay_grey_and_a_later_coloured_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("mubench.data.own.source.LOOKED_AT", 5)
    images = [encoded(noise(i).convert("L")) for i in range(20)]
    write_images(tmp_path / "d" / "train.parquet", images, pa.array([0, 1] * 10))
    assert examples(opened(tmp_path / "d"))[3][0].shape == (1, 4, 6)
    images[19] = encoded(noise(1))
    write_images(tmp_path / "d" / "train.parquet", images, pa.array([0, 1] * 10))
    assert "row 19: a coloured image (RGB) would become grey" in refused(tmp_path / "d")
    images[19] = encoded(noise(1, (7, 4)).convert("L"))
    write_images(tmp_path / "d" / "train.parquet", images, pa.array([0, 1] * 10))
    assert "row 19: the image is 7x4, others are 6x4; add 'resize: 4'" in refused(tmp_path / "d")


def test_the_plan_knows_counts_and_what_was_found(tmp_path):
    folder_of_images(tmp_path / "pets", {"dog": 30, "cat": 10})
    noise(7, (9, 9)).convert("L").save(tmp_path / "pets" / "dog" / "x.png")
    card = declared(tmp_path / "pets", resize=8).card
    assert card.sizes == {"train": 30, "validation": 3, "test": 8}
    assert card.found == (
        "train: 41 examples, 10 to 31 a class",
        "images: 40 RGB, 1 L; 2 sizes, 6x4 to 9x9, brought to RGB 8x8",
    )
    sizes = {
        name: len(split.ids) for name, split in opened(tmp_path / "pets", resize=8).splits.items()
    }
    assert sizes == dict(card.sizes)


def test_classes_that_change_after_the_plan_are_told(tmp_path):
    folder_of_images(tmp_path / "pets", {"dog": 10, "cat": 10})
    from mubench.data.cache.decoded import stored_dataset

    card = declared(tmp_path / "pets").card.card
    folder_of_images(tmp_path / "pets", {"cow": 10}, seed=90)
    with pytest.raises(MubenchError, match="its classes have changed"):
        stored_dataset(card, None)
