"""Ids kept between processes: only for the source that is here, and never in the way."""

import json

import pytest

from mubench.catalogue import ids
from mubench.catalogue.kept_ids import KeptIds, state_of
from tests.support.sources import Anew


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "source_ids.json"


def refuse(root):
    raise AssertionError(f"{root} is read again")


def test_an_id_is_made_once_for_all_processes(cache):
    assert KeptIds("a").get("x:X", lambda root: f"id of {root}") == "id of x:X"
    assert KeptIds("a").get("x:X", refuse) == "id of x:X"


def test_another_source_has_ids_of_its_own(cache):
    KeptIds("a").get("x:X", lambda root: "old")
    assert KeptIds("b").get("x:X", lambda root: "new") == "new"
    assert KeptIds("a").get("x:X", lambda root: "old again") == "old again"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"state": "a"}'])
def test_a_damaged_file_is_as_none(cache, content):
    cache.parent.mkdir()
    cache.write_bytes(content)
    assert KeptIds("a").get("x:X", lambda root: "made") == "made"
    assert json.loads(cache.read_bytes()) == {"state": "a", "ids": {"x:X": "made"}}


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "file"))
    kept = KeptIds("a")
    assert kept.get("x:X", lambda root: "made") == kept.get("x:X", refuse) == "made"


def test_every_change_of_the_source_is_another_state(tmp_path):
    def state(**files):
        for path in tmp_path.rglob("*"):
            path.unlink()
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return state_of(tmp_path)

    states = [
        state(a="x = 1", b=""),
        state(a="x = 2", b=""),
        state(a="", b="x = 1"),
        state(a="x = 1"),
        state(a="x = 1", c=""),
    ]
    assert len(set(states)) == len(states)
    assert states[0] == state(a="x = 1", b="")


def test_a_kept_id_is_the_one_that_the_source_has(cache, monkeypatch):
    root = "mubench.methods.ga:GA"
    found = []
    for kept in (ids._kept.__wrapped__, ids._kept.__wrapped__, Anew):
        monkeypatch.setattr(ids, "_kept", kept)
        ids._digest.cache_clear()
        found.append(ids.source_id(root))
    assert len(set(found)) == 1
    assert cache.is_file()
