"""What a page of a data set shows."""

import pyarrow as pa
import pytest

from mubench.catalogue import cards
from mubench.run.data_summary import summarise
from tests.support.own_files import (
    declared,
    encoded,
    noise,
    opened,
    texts,
    write_images,
    write_table,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_classes_examples_and_twins(tmp_path):
    images = [encoded(noise(i, (24, 24))) for i in range(30)]
    images[5] = images[8] = images[2]
    write_images(tmp_path / "d" / "train.parquet", images, pa.array(["b", "a", "c"] * 10))
    spec = declared(tmp_path / "d")
    found = summarise(spec.card, spec.options)
    stored = opened(tmp_path / "d")
    assert [each.name for each in found.classes] == ["a", "b", "c"]
    for each in found.classes:
        members = [i for i in range(30) if "bac"[i % 3] == each.name]
        assert each.counts == {
            name: sum(int(i) in members for i in split.ids) for name, split in stored.splits.items()
        }
        assert {shown.id for shown in each.examples} <= set(members)
        assert all(shown.medium.startswith("data:image/png;base64,") for shown in each.examples)
    [group] = found.twins
    assert [(shown.id, shown.label) for shown in group] == [(2, "c"), (5, "c"), (8, "c")]
    assert any("exact twins" in line for line in found.findings)


def test_texts_are_shown_by_their_beginning(tmp_path):
    write_table(tmp_path / "d" / "train.parquet", texts(pa.array([0, 1] * 10)))
    found = summarise(declared(tmp_path / "d").card, {})
    assert found.is_text
    assert found.classes[0].examples[0].medium.startswith("text number")


def test_a_data_set_with_a_card():
    found = summarise(cards.dataset("digits"), {})
    assert sum(found.sizes.values()) == 1797
    assert (len(found.classes), found.twins, found.findings) == (10, (), ())
