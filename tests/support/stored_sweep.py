"""What a finished sweep's store holds, by row."""

import numpy as np

from mubench.metrics.outputs import Outputs
from mubench.store.results import SweepResults
from mubench.store.results_files import pack_outline, read_results
from mubench.store.store import Store
from tests.support.model_outputs import drawn
from tests.support.report_world import record

CELL = "digits/small_cnn/random-0.1"


def by_row(store, name="tiny"):
    final = [
        r for r in read_results(store, name).records if r.purpose == "final" and r.kind != "train"
    ]
    return {(r.row or f"retrain {r.replica}", r.selection): r for r in final}


def of(store, key, part):
    arrays = store.artefacts.load(key, part)
    return Outputs.of_arrays(arrays)


def many(folder, seeds=9):
    """A made-up sweep of one forget set: an original, two Retrains and one row for each seed."""
    store, records = Store(str(folder)), []
    forget, test = drawn(1, 12), drawn(2, 30, first_id=500)

    def keep(seed, parts, **values):
        key = f"{values['kind']}-{values.get('row', '')}-{seed}-{values.get('replica', 0)}"
        rng = np.random.default_rng([len(records), seed])
        arrays = {
            part: {
                "ids": o.ids,
                "labels": o.labels,
                "logits": rng.normal(size=(len(o), 4)).astype(np.float32),
            }
            for part, o in parts.items()
        }
        store.artefacts.save(key, arrays)
        request = "" if values["kind"] == "train" else f"{CELL}/forget=0/train={seed}"
        values |= {"id": key, "unlearn_id": key, "request": request, "seed_train": seed}
        records.append(record(cell=CELL, metrics={"ua": 1.0}, **values))

    for seed in range(seeds):
        keep(seed, {"train": forget, "test": test}, kind="train")
        parts = {"forget": forget, "retain": forget, "test": test}
        for replica in (0, 1):
            keep(seed, parts, kind="retrain", replica=replica)
        keep(seed, parts, kind="final", row="original", method="original")
        keep(seed, parts, kind="final", row="ga", method="ga", selection="tuned")
    source = SweepResults("many", "", (), (CELL,), ("original", "ga"), {}, "")
    for one in records:
        store.records.append(one)
    store.save_sweep("many", pack_outline(source), [one.id for one in records])
    return store
