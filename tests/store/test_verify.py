"""Stored files that are damaged, and references that have none."""

import numpy as np

from mubench.store.results_files import pack
from mubench.store.scores import Score
from mubench.store.store import Store
from mubench.store.verify import problems_of, repair
from tests.support.report_world import world
from tests.support.stored_records import record

PARTS = {"weights": {"a": np.zeros(3)}}


def fill(store):
    store.records.append(record("t", unlearn_id="t0", kind="train"))
    store.records.append(record("r", unlearn_id="r0", kind="retrain", replica=1))
    store.records.append(record("e", unlearn_id="e0", kind="retrain", status="error"))
    store.records.append(record("s", unlearn_id="s0", kind="search"))
    for key in ("t0", "r0"):
        store.artefacts.save(key, PARTS)


def test_a_store_whose_references_are_there_is_sound(new_store):
    fill(new_store)
    assert list(problems_of(new_store)) == []


def test_a_reference_without_files_is_told_and_so_is_a_damaged_one(new_store):
    fill(new_store)
    new_store.artefacts.discard("r0")
    new_store.files.write("artefacts/t0/weights.safetensors", b"cut short")
    assert [problem.text for problem in problems_of(new_store)] == [
        "artefacts/t0/weights.safetensors: does not match its checksum",
        "artefacts/r0: missing, though 'retrain r replica 1' is done; a run that needs it makes it "
        "again (was it made by a worker that has another store?)",
    ]


def damage(store, name):
    store.files.write(name, store.files.read(name)[:-1] + b"?")


def every_file(store):
    store.checkpoints.save("cut", {"a": np.zeros(2)}, {})
    store.scores.write("odd", "code", {"t": Score(0.5, "in", "2026-01-01")})
    store.save_sweep("toy", pack(world(1)), ["t", "r"])
    return [
        name for name in store.files.list("") if name.partition("/")[0] not in ("lock", "damaged")
    ]


def test_every_file_of_a_store_is_looked_at(new_store):
    fill(new_store)
    names = every_file(new_store)
    assert list(problems_of(new_store)) == []
    assert {name.partition("/")[0] for name in names} == {
        "records",
        "artefacts",
        "checkpoints",
        "scores",
        "sweeps",
        "format.json",
    }
    for name in names:
        if name == "format.json":  # without it nobody opens the store
            continue
        whole = new_store.files.read(name)
        damage(new_store, name)
        told = [problem for problem in problems_of(Store(new_store.uri)) if name in problem.files]
        assert len(told) == 1, name
        new_store.files.write(name, whole)


def test_what_is_damaged_is_set_aside_and_nothing_is_deleted(new_store):
    fill(new_store)
    names = ("records/part-s.parquet", "sweeps/toy/plan.json", "artefacts/t0/manifest.json")
    every_file(new_store)
    for name in names:
        damage(new_store, name)
    contents = {name: new_store.files.read(name) for name in names}
    aside = set(repair(Store(new_store.uri)))
    assert aside == {*names, "artefacts/t0/weights.safetensors"}
    for name, content in contents.items():
        assert new_store.files.read(f"damaged/{name}") == content
        assert not new_store.files.exists(name)
    opened = Store(new_store.uri)
    assert opened.records.read().keys() == {"t", "r", "e"}
    assert [problem.files for problem in problems_of(opened)] == [()]  # t0 is missing now
