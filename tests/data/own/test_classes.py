"""Labels and groups of any type become classes in a stated order, or are named."""

from decimal import Decimal

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

TWENTY = list(range(20))


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
        (pa.array([Decimal(1), Decimal(0)] * 10), ("0", "1")),
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
        if isinstance(value, float | Decimal):
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
        (pa.array([2**63, 1] * 10, pa.uint64()), "numbers below 2^63, or names, are"),
        (pa.array([b"\xff", b"a"] * 10), "column label: bytes that are no UTF-8"),
        (pa.array([Decimal("0.5"), Decimal(1)] * 10), "0.5 is no class"),
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


def test_numbers_that_are_written_in_two_ways_are_told(tmp_path):
    lines = [f"text {i},{'1.0' if i % 2 else '1'}" for i in range(20)]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *lines]))
    assert "classes '1' and '1.0' have nearly one name" in declared(tmp_path / "d.csv").card.found


def test_a_minimum_that_no_class_has_is_named(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array(["a", "b"] * 10)))
    reason = "label has 0 classes with 50 training examples or more; two are needed at least"
    assert reason in refused(tmp_path / "d", min_class_size=50)


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
