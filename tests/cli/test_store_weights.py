"""Commands on a store that keeps the weights of final models: each counts them as its own."""

import shutil

import pytest

from mubench.run.open_sweep import open_sweep
from mubench.run.tune.resume import usable_records
from mubench.store.results_files import read_results
from mubench.store.retention import release_outputs
from mubench.store.store import Store
from mubench.store.verify import problems_of
from tests.support.sweep_world import finish, write

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The tiny sweep with weights, run without Ray."""
    folder = tmp_path_factory.mktemp("kept")
    opened = open_sweep(
        write(folder / "tiny.yaml", store={"keep": "weights"}), str(folder / "store")
    )
    finish(opened)
    return folder


@pytest.fixture
def opened(kept, tmp_path):
    """A copy to spoil."""
    shutil.copytree(kept / "store", tmp_path / "store")
    return open_sweep(str(kept / "tiny.yaml"), str(tmp_path / "store"))


def finals(store):
    records = read_results(store, "tiny").records
    return [r for r in records if r.kind == "final" and r.row == "ga"]


def damage(store, key):
    name = f"artefacts/{key}/weights.safetensors"
    store.files.write(name, store.files.read(name)[:-1] + b"?")
    return name


def test_damaged_weights_of_a_final_model_are_found_and_set_aside(opened, mubench_):
    store = opened.store
    assert list(problems_of(store)) == []
    name = damage(store, finals(store)[0].unlearn_id)
    code, out, error = mubench_("store", "verify", "--store", store.uri)
    assert code == 1
    assert f"{name}: does not match its checksum" in out + error
    code, _, _ = mubench_("store", "repair", "--store", store.uri)
    assert code == 0
    assert store.files.exists(f"damaged/{name}")
    assert list(problems_of(Store(store.uri))) == []


def test_damaged_weights_are_made_again_when_evidence_needs_them(opened, kept, tmp_path):
    """The record is that of a store whose weights are whole."""
    store = opened.store
    damage(store, finals(store)[0].unlearn_id)
    changes = {"store": {"keep": "weights"}, "evidence": ["weights"]}
    again = open_sweep(write(tmp_path / "asked.yaml", **changes), store.uri)
    found = finish(again)
    shutil.copytree(kept / "store", tmp_path / "whole")
    whole = finish(open_sweep(str(tmp_path / "asked.yaml"), str(tmp_path / "whole")))
    for key, record in found.items():
        if record.kind == "final":
            assert record.status == "ok"
            assert record.metrics["ua_int8"] == whole[key].metrics["ua_int8"]


def test_gc_keeps_the_weights_of_every_record(opened, mubench_):
    store = opened.store
    before = {name: store.files.read(name) for name in store.files.list("artefacts")}
    store.artefacts.save("loose", store_parts(store))
    code, out, _ = mubench_("store", "gc", "--store", store.uri)
    assert (code, out.strip()) == (0, "1 artefact and 0 checkpoints deleted")
    assert {name: store.files.read(name) for name in store.files.list("artefacts")} == before
    assert sum(name.endswith("/weights.safetensors") for name in before) == 2 + 3 + 2


def store_parts(store):
    key = finals(store)[0].unlearn_id
    return {"weights": store.artefacts.load(key, "weights")}


def test_a_copied_step_has_its_weights(opened, tmp_path):
    store, target = opened.store, Store(str(tmp_path / "target"))
    key = finals(store)[0].unlearn_id
    assert store.artefacts.copy(key, target.artefacts)
    assert "weights" in target.artefacts.parts(key)
    own, copied = (each.artefacts.load(key, "weights") for each in (store, target))
    assert own.keys() == copied.keys()
    assert all((own[name] == copied[name]).all() for name in own)


def test_export_has_the_records_and_released_outputs_take_the_weights_along(opened, mubench_):
    store = opened.store
    target = f"{store.uri}/../all.csv"
    code, out, _ = mubench_("store", "export", target, "--store", store.uri)
    assert code == 0
    assert out.startswith("10 records in ")
    assert release_outputs(store, "tiny") == 7
    assert not store.files.list("artefacts")
    assert usable_records(opened.plan, Store(store.uri)).keys() == opened.plan.steps.keys()
