"""What a worker keeps between steps: data, models, prepared values."""

from dataclasses import replace

import pytest
import torch

from mubench.errors import DataError
from mubench.methods.base import Prepared
from mubench.models.training.cost_meter import Cost
from mubench.run import process_cache
from mubench.run.open_sweep import open_sweep
from mubench.run.process_cache import LRUCache, read_or_make
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from tests.support.shapes import GROUP, shapes_sweep, write_shapes


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_steps_of_other_data_than_planned_fail(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened = open_sweep(shapes_sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    step = next(iter(opened.plan.steps.values()))
    step = replace(step, training=replace(step.training, data_id="f00d"))
    with pytest.raises(DataError, match="these are not the data that the sweep was planned for"):
        _ = Workspace(opened.store).open(step).dataset


def test_a_damaged_preparation_is_made_again(tmp_path):
    artefacts = Store(str(tmp_path)).artefacts
    made = []

    def make():
        made.append(1)
        return Prepared({"v": torch.arange(3.0)}, Cost(rte_seconds=2.0), "")

    first = read_or_make(artefacts, "key", torch.device("cpu"), make)
    again = read_or_make(artefacts, "key", torch.device("cpu"), make)
    assert torch.equal(first.value["v"], again.value["v"])
    assert (again.cost, again.diverged, len(made)) == (Cost(rte_seconds=2.0), "", 1)
    (tmp_path / "artefacts" / "key" / "tensors.safetensors").write_bytes(b"cut short")
    read_or_make(artefacts, "key", torch.device("cpu"), make)
    assert len(made) == 2


def test_a_large_preparation_is_not_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(process_cache, "STORED_BYTES", 8)
    artefacts = Store(str(tmp_path)).artefacts
    value = {"v": torch.arange(3.0)}
    read_or_make(artefacts, "key", torch.device("cpu"), lambda: Prepared(value, Cost()))
    assert not artefacts.has("key")


def test_a_cache_makes_a_value_once_and_drops_the_one_used_longest_ago():
    cache, made = LRUCache(2), []

    def get(key):
        return cache.get(key, lambda: made.append(key) or key.upper())

    assert [get(key) for key in "abacab"] == list("ABACAB")
    assert made == list("abcb")
