"""The card of a person's data, and what is read by it."""

import pyarrow as pa
import pytest

from mubench.data.fetch import check_data
from mubench.errors import MubenchError
from tests.support.own_files import (
    declared,
    folder_of_images,
    noise,
    opened,
    write_table,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_the_plan_knows_counts_and_what_was_found(tmp_path):
    folder_of_images(tmp_path / "pets", {"dog": 30, "cat": 10})
    noise(7, (9, 9)).convert("L").save(tmp_path / "pets" / "dog" / "x.png")
    card = declared(tmp_path / "pets", resize=8).card
    assert card.sizes == {"train": 30, "validation": 3, "test": 8}
    assert card.found == (
        "train: 41 examples, 10 to 31 a class",
        "images (41 looked at): 40 RGB, 1 L; 2 sizes, 6x4 to 9x9, brought to RGB 8x8",
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


def test_a_check_says_what_the_sweep_does_with_twins(tmp_path):
    write_table(tmp_path / "d" / "t.parquet", pa.table({"text": ["x"] * 20, "label": [0, 1] * 10}))
    spec = declared(tmp_path / "d", duplicates="keep")
    said = [text for _, text in check_data(spec.card, None, spec.options)]
    assert any(text.endswith("(exact twins): kept") for text in said)


def test_rows_that_an_open_quote_takes_are_told(tmp_path):
    lines = [f"text {i},{'ab'[i % 2]}" for i in range(60)]
    for row in (4, 50):
        lines[row] = '"' + lines[row]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    card = declared(tmp_path / "d.csv").card
    assert "d.csv: row 4 has a text of 47 lines: is a quote left open there?" in card.found
