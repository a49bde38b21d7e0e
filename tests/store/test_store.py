"""A store's format, and folders that are none."""

import json

import pytest

from mubench.errors import StoreError
from mubench.store.store import Store


def test_a_file_where_the_store_should_be_is_one_line(tmp_path):
    (tmp_path / "store").write_text("hello")
    with pytest.raises(StoreError, match=r"store: not a folder; choose another --store$"):
        Store(str(tmp_path / "store"))


def test_a_store_says_its_format_when_it_is_first_written(tmp_path):
    Store(str(tmp_path)).save_sweep("s", {"sweep.yaml": b"name: s"}, ["one", "two"])
    assert json.loads((tmp_path / "format.json").read_text()) == {"format": 1}
    assert (tmp_path / "sweeps" / "s" / "sweep.yaml").read_text() == "name: s"
    again = Store(str(tmp_path))
    assert (again.sweeps(), again.steps_of("s")) == (("s",), ("one", "two"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"format": 2}', "a store of format 2; this mubench has format 1; update mubench"),
        ('{"format": 0}', "a store of format 0; this mubench has format 1; choose a new --store"),
        ("{", "/format.json: unreadable; is this a store?"),
        ("{}", "/format.json: unreadable; is this a store?"),
        ("[1]", "/format.json: unreadable; is this a store?"),
        ('{"format": "x"}', "/format.json: unreadable; is this a store?"),
    ],
)
def test_a_store_of_another_format_is_refused_in_one_line(tmp_path, content, expected):
    (tmp_path / "format.json").write_text(content)
    with pytest.raises(StoreError) as caught:
        Store(str(tmp_path))
    assert str(caught.value).startswith(str(tmp_path))
    assert str(caught.value).endswith(expected)
    assert "\n" not in str(caught.value)
