"""Two made-up cells with known numbers: what the report's tests are checked against."""

from dataclasses import replace

import numpy as np

from mubench.store.record import Record
from mubench.store.results import SweepResults

CELLS = ("digits/small_cnn/random-0.1", "digits/small_cnn/class")
ROWS = ("ft", "ga", "iu", "ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]", "ugradsl", "ugradsl_plus")
ERRORS = (0.04, 0.1, 0.08, 0.06, 0.09, 0.05, 0.02)
"""Distance of each tuned row's four values to Retrain's; defaults are twice as far."""
ALPHAS = {"ugradsl[alpha=-0.2]": -0.2, "ugradsl[alpha=-1.0]": -1.0}
RETRAIN = {"ua": 0.28, "ra": 0.9, "ta": 0.94, "mia_svc": 0.3}


def record(**changes: object) -> Record:
    base = Record(
        id="id",
        unlearn_id="unlearn",
        kind="final",
        status="ok",
        dataset="digits",
        model="small_cnn",
        scenario="random-0.1",
        cell=CELLS[0],
        request=f"{CELLS[0]}/0",
        purpose="final",
        seed_train=0,
        seed_forget=0,
        forget_hash="ab12" * 8,
        n_forget=120,
        n_retain=1080,
        created="2026-02-03T04:05:06+00:00",
        seconds=1.5,
        device="cpu: test",
        threads=1,
        exclusive=True,
        commit="0123abc",
        versions={"torch": "2.13", "python": "3.11"},
    )
    parts = str(changes.get("cell", "")).split("/")
    names = ("dataset", "model", "scenario") if len(parts) == 3 else ()
    return replace(base, **{**dict(zip(names, parts, strict=False)), **changes})


def hash_of(request: int) -> str:
    """The hash of a request's forget set: every request forgets other examples."""
    return f"{request:04d}" + "ab12" * 7


def at_distance(error: float, request: int) -> dict[str, float]:
    """Values `error` away from Retrain in all four; a little more for later requests."""
    away = error * (1 + 0.1 * request)
    values = {name: value - away for name, value in RETRAIN.items()}
    return {**values, "gap": away}


def retrains(cell: str, requests: int) -> list[Record]:
    """Replica r of a request lies 0.01 r above replica 0 in all four values."""
    return [
        record(
            id=f"{cell}:retrain:{k}:{replica}",
            kind="retrain",
            cell=cell,
            request=f"{cell}/{k}",
            seed_train=k,
            forget_hash=hash_of(k),
            replica=replica,
            method="retrain",
            metrics={
                **{m: v + 0.01 * replica for m, v in RETRAIN.items()},
                "rte_seconds": 6.0,
            },
        )
        for k in range(requests)
        for replica in range(3)
    ]


def given(row: str) -> dict[str, float]:
    """What the sweep file fixes for a row."""
    return {"alpha": ALPHAS[row]} if row in ALPHAS else {}


def finals(cell: str, row: str, error: float, selection: str, requests: int) -> list[Record]:
    alpha = given(row)
    return [
        record(
            id=f"{cell}:final:{row}:{selection}:{k}",
            cell=cell,
            request=f"{cell}/{k}",
            seed_train=k,
            seed_forget=k,
            forget_hash=hash_of(k),
            method=row.partition("[")[0],
            row=row,
            selection=selection,
            params={"lr": 0.01, "epochs": 5, **alpha},
            given=alpha,
            candidate=2 if selection == "tuned" else -1,
            metrics={**at_distance(error, k), "rte_seconds": 10 * error + 0.1 * k},
        )
        for k in range(requests)
    ]


def searches(cell: str, row: str, error: float) -> list[Record]:
    """Four candidates; candidate 2 is the best, candidate 1 diverges."""
    return [
        record(
            id=f"{cell}:search:{row}:{k}",
            kind="search",
            status="diverged" if k == 1 else "ok",
            cell=cell,
            request=f"{cell}/search",
            purpose="search",
            method=row.partition("[")[0],
            row=row,
            given=given(row),
            candidate=k,
            trials=4,
            metrics={"gap": error * factor, "objective": error * factor},
        )
        for k, factor in enumerate((2.0, 0.01, 0.75, 1.5))
    ]


def world(requests: int = 3) -> SweepResults:
    """Both cells; in the first, tuned `ga` diverged once and default `iu` was refused once."""
    records: list[Record] = []
    for cell in CELLS:
        records += retrains(cell, requests)
        records += finals(cell, "original", 0.22, "", requests)
        for row, error in zip(ROWS, ERRORS, strict=True):
            records += searches(cell, row, error)
            records += finals(cell, row, error, "tuned", requests)
            records += finals(cell, row, 2 * error, "default", requests)
    records = [_spoiled(one) for one in records]
    expected = {(c, r, s): requests for c in CELLS for r in ROWS for s in ("default", "tuned")}
    expected |= {(cell, "original", ""): requests for cell in CELLS}
    text = "name: toy\nmethods:\n  ft: {}\n"
    return SweepResults("toy", text, tuple(records), CELLS, ROWS, expected, "mubench run toy")


def without_luck(source: SweepResults) -> SweepResults:
    """The same, but every candidate of a search had the same gap: tuning adds no chance."""
    return source.with_records(
        [
            replace(one, metrics={**one.metrics, "gap": 0.5}) if one.kind == "search" else one
            for one in source.records
        ]
    )


def _spoiled(one: Record) -> Record:
    if one.id == f"{CELLS[0]}:final:ga:tuned:1":
        return replace(one, status="diverged", message="loss was not finite in step 7")
    if one.id == f"{CELLS[0]}:final:iu:default:2":
        return replace(one, status="refused", message="needs a retain set", metrics={})
    if one.id.startswith(f"{CELLS[0]}:final:ft:default"):
        return replace(one, flags=("predictions unchanged",))
    return one


def shuffled(source: SweepResults) -> SweepResults:
    order = np.random.default_rng(7).permutation(len(source.records))
    return replace(source, records=tuple(source.records[k] for k in order))
