"""Which columns are meant: named, or by their usual names."""

import pyarrow as pa
import pytest

from mubench.data.tables.formats import holds_bytes, holds_text
from tests.support.own_files import declared, encoded, noise, opened, refused, texts, write_table

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.mark.parametrize("names", [("sentence", "Target"), ("Review", "category"), ("body", "y")])
def test_usual_names_are_found_whatever_their_case(tmp_path, names):
    table = texts(pa.array([0, 1] * 10)).rename_columns(list(names))
    write_table(tmp_path / "train.parquet", table)
    assert len(opened(tmp_path).splits["test"].ids) == 4


def test_images_or_texts_is_asked_where_both_are_there(tmp_path):
    images = [encoded(noise(i)) for i in range(20)]
    write_table(tmp_path / "train.parquet", texts(pa.array([0, 1] * 10), image=pa.array(images)))
    text = refused(tmp_path)
    assert (
        "images, or texts? add 'image: COLUMN', 'text: COLUMN' or 'features: all'; columns: text"
        in text
    )
    assert declared(tmp_path, image="image").card.modality == "image"
    assert declared(tmp_path, text="text").card.modality == "text"


def test_a_shard_without_the_column_is_named(tmp_path):
    for number, names in enumerate((("text", "label"), ("words", "label"))):
        table = texts(pa.array([0, 1] * 10)).rename_columns(list(names))
        write_table(tmp_path / f"train-{number}.parquet", table)
    assert "train-1.parquet: no column text; columns: words (string)" in refused(tmp_path)


def test_a_shard_with_another_type_is_named(tmp_path):
    for number, kind in enumerate((pa.string(), pa.large_string())):
        table = pa.table(
            {"text": pa.array([f"{number} {i}" for i in range(20)], kind), "label": [0, 1] * 10}
        )
        write_table(tmp_path / f"train-{number}.parquet", table)
    assert "column text has large_string, and in the first file string" in refused(tmp_path)


def test_types_of_inputs():
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert holds_bytes(struct)
    assert holds_bytes(pa.large_binary())
    assert not holds_bytes(pa.struct([("path", pa.string())]))
    assert holds_text(pa.dictionary(pa.int32(), pa.string()))
    assert not holds_text(pa.binary())
