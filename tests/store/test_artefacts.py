"""Artefacts: read back equal, whole or absent."""

import hashlib

import numpy as np
import pytest

from mubench.errors import IntegrityError, LeakError
from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.sealed import from_json, to_json
from mubench.store.store import Store
from tests.support.stored_records import damaged


@pytest.fixture
def artefacts(files):
    return Artefacts(files)


ARRAYS = {
    "ids": np.arange(5),
    "labels": np.arange(5) % 2,
    "logits": np.arange(10, dtype=np.float32).reshape(5, 2)[:, ::-1],  # not contiguous
}


@pytest.mark.parametrize("part", ["forget", "test"])
def test_arrays_are_read_back_equal(artefacts, part):
    artefacts.save("x", {"forget": ARRAYS, "test": {"a": np.zeros((0, 3), np.float32)}})
    expected = ARRAYS if part == "forget" else {"a": np.zeros((0, 3), np.float32)}
    found = artefacts.load("x", part)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values)


@pytest.mark.parametrize("how", ["truncated", "altered", "empty", "missing"])
def test_a_damaged_artefact_is_never_used_and_made_again(artefacts, files, how):
    artefacts.save("x", {"weights": ARRAYS, "test": ARRAYS})
    name = "artefacts/x/weights.safetensors"
    content = files.read(name)
    files.delete(name) if how == "missing" else files.write(name, damaged(content, how))
    with pytest.raises(IntegrityError, match=r"artefacts/x/weights\.safetensors: "):
        artefacts.load("x", "weights")
    assert "weights.safetensors: " in artefacts.verify("x")
    assert artefacts.load("x", "test")
    assert not artefacts.has_whole("x")
    assert not artefacts.has("x")
    assert artefacts.ids() == frozenset()
    artefacts.save("x", {"weights": ARRAYS, "test": ARRAYS})
    assert artefacts.has_whole("x")


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"about": {}, "files": 1},
        {"about": [], "files": {}},
        {"about": {}, "files": {"../../x": {"sha256": "", "bytes": 0}}},
    ],
)
def test_a_manifest_that_mubench_did_not_write_is_refused(artefacts, files, manifest):
    files.write("artefacts/x/manifest.json", to_json(manifest))
    with pytest.raises(IntegrityError, match="no manifest of artefacts"):
        artefacts.load("x", "weights")
    assert not artefacts.copy("x", Artefacts(files))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 1}', b"{"])
def test_a_damaged_manifest_is_a_damaged_artefact(artefacts, files, content):
    artefacts.save("x", {"weights": ARRAYS})
    files.write("artefacts/x/manifest.json", content)
    reader = Artefacts(files)
    with pytest.raises(IntegrityError, match=r"artefacts/x/manifest\.json: damaged"):
        reader.load("x", "weights")
    assert reader.verify("x") == "artefacts/x/manifest.json: damaged: no checksum in it"
    assert not reader.has_whole("x")


def test_an_artefact_that_was_made_again_elsewhere_is_read_as_it_is_now(artefacts, files):
    artefacts.save("x", {"weights": ARRAYS}, {"seconds": 1})
    other = Artefacts(files)
    other.save("x", {"weights": {"a": np.ones(3)}, "test": ARRAYS}, {"seconds": 2})
    assert artefacts.load("x", "weights").keys() == {"a"}
    assert artefacts.load("x", "test").keys() == ARRAYS.keys()
    assert artefacts.about("x") == {"seconds": 2}


def test_a_file_that_is_no_tensors_is_refused_even_with_the_right_checksum(artefacts, files):
    artefacts.save("x", {"weights": ARRAYS})
    files.write("artefacts/x/weights.safetensors", b"cos\nsystem\n(S'ls'\ntR.")
    manifest = from_json(files.read("artefacts/x/manifest.json"), "")
    digest = hashlib.sha256(files.read("artefacts/x/weights.safetensors")).hexdigest()
    manifest["files"]["weights"]["sha256"] = digest
    files.write("artefacts/x/manifest.json", to_json(manifest))
    with pytest.raises(IntegrityError, match=r"weights\.safetensors: "):
        artefacts.load("x", "weights")


def test_an_artefact_whose_writer_died_is_not_there(artefacts, monkeypatch):
    real = Files.write

    def die_at_manifest(self, name, content):
        if name.endswith("manifest.json"):
            raise KeyboardInterrupt
        real(self, name, content)

    monkeypatch.setattr(Files, "write", die_at_manifest)
    with pytest.raises(KeyboardInterrupt):
        artefacts.save("x", {"weights": ARRAYS})
    assert not artefacts.has("x")
    assert artefacts.verify("x") == "artefacts/x/manifest.json: missing"
    assert artefacts.ids() == {"x"}


def test_a_view_opens_its_ids_and_its_parts_and_nothing_else(tmp_path):
    store = Store(str(tmp_path))
    for key in "ab":
        store.artefacts.save(key, {"forget": ARRAYS, "test": ARRAYS})
    view = store.view(frozenset("a"), frozenset({"forget"}))
    assert np.array_equal(view.load("a", "forget")["ids"], ARRAYS["ids"])
    with pytest.raises(LeakError, match=r"may not read 'test'; it sees \['forget'\]"):
        view.load("a", "test")
    with pytest.raises(LeakError, match="does not depend on b and may not read it"):
        view.load("b", "forget")
