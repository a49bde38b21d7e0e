"""Tables of any format, and those that cannot be read."""

import json

import numpy as np
import pyarrow as pa
import pytest

from tests.support.own_files import (
    examples,
    noise,
    opened,
    refused,
    texts,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


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


def test_texts_of_json_that_look_like_times_are_texts(tmp_path):
    days = ["2020-01-01", "2020-01-02"]
    lines = [json.dumps({"text": f"text {i}", "label": days[i % 2]}) for i in range(20)]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    assert opened(tmp_path / "d.jsonl").class_names == tuple(days)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("d.csv", "text,label\ncaf\xe9,1\nx,2\n".encode("latin-1"), "add 'encoding: latin-1'"),
        ("d.csv", as_csv().encode("utf-16"), "is UTF-16; add 'encoding: utf-16'"),
        ("d.csv", b"text,label\nx,1,2\ny,2\n", "quote values that contain the delimiter"),
        ("d.csv", b"# by me\ntext,label\nx,1\n", "and begin with names of columns"),
        ("d.csv", b"", "not a whole CSV file"),
        ("d.csv", b"text,label,label\nx,1,1\ny,2,2\n", "2 columns are called label"),
        ("d.csv", b"good,a\nbad,b\n", "columns (its first line): good (string), a (string)"),
        ("d.csv", b"review,stars\nx,1\ny,2\n", "which column has the labels? add 'label: COLUMN'"),
        ("d.jsonl", b'[{"text": "x", "label": 1}]', "it is one array: write each object on a line"),
        ("d.jsonl", b'{"text": "x", "label": 1}\n2', "each line must be one JSON object"),
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
