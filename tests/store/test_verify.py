"""Stored files that are damaged, and references that have none."""

import numpy as np

from mubench.store.verify import problems_of
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
