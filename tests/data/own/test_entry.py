"""What a sweep file may say of a person's data."""

import pytest
from pydantic import ValidationError

from mubench.data.own.entry import OwnEntry, default_name


def test_an_entry_comes_back_from_its_card():
    entry = OwnEntry(path="a/b", resize=8, train="x*.csv", mode="L", min_class_size=3)
    assert entry.resize == (8, 8)
    assert entry.patterns == {"train": ("x*.csv",)}
    assert OwnEntry.of_card({"uri": entry.uri, "own": dict(entry.facts)}) == entry
    hub = OwnEntry(hub="user/name", config="c")
    assert hub.uri == "hub:user/name"
    assert OwnEntry.of_card({"uri": hub.uri, "own": dict(hub.facts)}) == hub


def test_facts_name_no_place():
    assert OwnEntry(path="a", label="y").facts == {"label": "y"}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/data/pets/", "pets"),
        ("s3://bucket/a/reviews.csv.gz", "reviews"),
        ("user/some name", "some-name"),
        ("x.parquet", "x"),
        ("/", ""),
    ],
)
def test_a_place_names_its_data(place, name):
    assert default_name(place) == name


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({}, "either path or hub"),
        ({"path": "a", "hub": "b"}, "either path or hub"),
        ({"path": "a", "revision": "x"}, "config and revision"),
        ({"path": "a", "resize": 5000}, "less than or equal to 4096"),
        ({"path": "a", "resize": [8]}, "resize"),
        ({"path": "a", "crop": "pad"}, "crop: says how images are resized; add resize"),
        ({"path": "a", "encoding": "klingon"}, "none is called 'klingon'; such as utf-8"),
        ({"path": "a\nb"}, "one line"),
        ({"path": "a", "lable": "x"}, "did you mean 'label'"),
    ],
)
def test_entries_that_make_no_sense(entry, reason):
    with pytest.raises(ValidationError, match=reason):
        OwnEntry.model_validate(entry)
