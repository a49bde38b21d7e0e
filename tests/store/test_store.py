"""A store's format, and folders that are none."""

import pytest

from mubench.errors import StoreError
from mubench.run.open_sweep import open_sweep
from mubench.store.sealed import from_json, to_json
from mubench.store.store import Store
from tests.support.stored_records import record
from tests.support.sweep_world import all_values, finish, write


def test_a_file_where_the_store_should_be_is_one_line(tmp_path):
    (tmp_path / "store").write_text("hello")
    with pytest.raises(StoreError, match=r"store: not a folder; choose another --store$"):
        Store(str(tmp_path / "store"))


def test_a_store_says_its_format_when_it_is_first_written(tmp_path):
    Store(str(tmp_path)).save_sweep("s", {"sweep.yaml": b"name: s"}, ["one", "two"])
    assert from_json((tmp_path / "format.json").read_bytes(), "") == {"format": 2}
    assert (tmp_path / "sweeps" / "s" / "sweep.yaml").read_text() == "name: s"
    again = Store(str(tmp_path))
    assert (again.sweeps(), again.steps_of("s")) == (("s",), ("one", "two"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (to_json({"format": 3}), "a store of format 3; this mubench has format 2; update mubench"),
        (b'{"format": 1}', "of format 1; this mubench has format 2; choose a new --store"),
        (b"{", "that makes the file again"),
        (to_json({}), "that makes the file again"),
        (b'{"format": 2}', "that makes the file again"),
        (to_json({"format": "x"}), "that makes the file again"),
        (to_json({"format": 3}).replace(b"3", b"2"), "that makes the file again"),
    ],
)
def test_a_store_of_another_format_is_refused_in_one_line(tmp_path, content, expected):
    (tmp_path / "format.json").write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Store(str(tmp_path))
    assert str(caught.value).startswith(str(tmp_path))
    assert str(caught.value).endswith(expected)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_token_tells_whether_two_processes_see_one_store(place, tmp_path, request):
    uri = request.getfixturevalue("s3_uri") if place == "bucket" else str(tmp_path / "store")
    driver = Store(uri)
    assert not Store(uri).has_token("")
    token = driver.leave_token()
    assert Store(uri).has_token(token)
    assert not Store(f"{uri}-elsewhere").has_token(token)
    assert driver.leave_token() != token
    assert not Store(uri).has_token(token)


def test_records_are_written_under_the_lock_that_is_held(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    store.records.append(record("a"))
    lock = store.lock("s")
    checks = []
    monkeypatch.setattr(lock, "check", lambda: checks.append(1))
    store.records.append(record("b"))
    assert checks == [1]


@pytest.mark.slow
def test_a_sweep_in_a_bucket_is_the_same_as_in_a_folder(finished, s3_uri, tmp_path):
    opened = open_sweep(write(tmp_path / "tiny.yaml"), s3_uri)
    finish(opened)
    opened.store.records.compact()
    there, here = Store(s3_uri), Store(str(finished / "store"))
    assert all_values(there.records.read()) == all_values(here.records.read())
    assert there.artefacts.ids() == here.artefacts.ids()
    assert [there.artefacts.verify(key) for key in there.artefacts.ids()].count(None) == len(
        here.artefacts.ids()
    )
    assert len(there.files.list("records")) == 1
