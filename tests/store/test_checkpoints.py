"""Checkpoints: read back equal, whole or refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from mubench.errors import IntegrityError
from mubench.store import checkpoints as module
from mubench.store.checkpoints import Checkpoints
from mubench.store.sealed import BLANK, KEY, sealed
from tests.support.stored_records import damaged

ARRAYS = {
    "model/weight": np.arange(12, dtype=np.float32).reshape(3, 4).T,  # not contiguous
    "optimizer/0/step": np.float32(7.0),
    "loader/done": np.array(3),
    "generators/cpu": np.arange(200, dtype=np.uint8),
    "empty": np.zeros((0, 2), np.float32),
}
ABOUT = {"cost": {"rte_seconds": 1.5}}
FILE = "checkpoints/x/state.safetensors"


@pytest.fixture
def checkpoints(files):
    return Checkpoints(files)


def test_a_state_is_read_back_equal(checkpoints):
    checkpoints.save("x", ARRAYS, ABOUT)
    arrays, about = checkpoints.load("x")
    assert about == ABOUT
    assert arrays.keys() == ARRAYS.keys()
    for name, expected in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (expected.dtype, expected.shape)
        assert np.array_equal(arrays[name], expected)


def test_a_training_has_one_checkpoint_the_last(checkpoints, files):
    assert checkpoints.load("x") is None
    for number in (1, 2):
        checkpoints.save("x", {"a": np.array(number)}, {})
    checkpoints.save("y", ARRAYS, {})
    assert checkpoints.load("x").arrays["a"] == 2
    assert checkpoints.ids() == {"x", "y"}
    checkpoints.discard("x")
    checkpoints.discard("x")
    assert checkpoints.load("x") is None
    assert files.list("checkpoints") == ["checkpoints/y/state.safetensors"]


def test_what_a_killed_process_has_half_written_is_deleted_too(checkpoints, files):
    files.write("checkpoints/x/.state.safetensors.77.tmp", b"half")
    assert checkpoints.load("x") is None
    assert checkpoints.ids() == {"x"}
    checkpoints.discard("x")
    assert checkpoints.ids() == frozenset()
    assert files.list("checkpoints") == []


@pytest.mark.parametrize("how", ["truncated", "altered", "empty"])
def test_a_damaged_checkpoint_is_refused(checkpoints, files, how):
    checkpoints.save("x", ARRAYS, ABOUT)
    files.write(FILE, damaged(files.read(FILE), how))
    with pytest.raises(IntegrityError, match=r"checkpoints/x/state\.safetensors: "):
        checkpoints.load("x")


def test_no_byte_of_a_checkpoint_changes_unseen(checkpoints, files):
    checkpoints.save("x", {"a": np.arange(3)}, ABOUT)
    content = files.read(FILE)
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1
        files.write(FILE, bytes(altered))
        with pytest.raises(IntegrityError):
            checkpoints.load("x")


@pytest.mark.parametrize("about", [{}, {"about": "{"}, {"about": "[1]"}])
def test_a_file_that_is_no_checkpoint_is_refused(checkpoints, files, about):
    files.write(FILE, sealed(save({"a": np.arange(3)}, {KEY: BLANK, **about})))
    with pytest.raises(IntegrityError, match="unreadable"):
        checkpoints.load("x")


@pytest.mark.parametrize("format_", [0, 2, None])
def test_a_checkpoint_of_another_format_is_refused(checkpoints, files, monkeypatch, format_):
    monkeypatch.setattr(module, "FORMAT", format_)
    checkpoints.save("x", ARRAYS, ABOUT)
    monkeypatch.undo()
    with pytest.raises(IntegrityError, match="of another version of mubench"):
        checkpoints.load("x")


def test_a_checkpoint_is_a_safetensors_file_that_says_its_format(checkpoints, files):
    checkpoints.save("x", ARRAYS, ABOUT)
    content = files.read(FILE)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["about"]) == {"format": 1, **ABOUT}
