"""The rows of a sweep for a board: what its report aggregates, one row at a time."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mubench.errors import InputError
from mubench.leaderboard.read_rows import problems_of
from mubench.leaderboard.row import FORMAT, BoardRow
from mubench.metrics.gap import TERMS
from mubench.report.analysis.aggregate import Cell, Row, aggregate
from mubench.report.analysis.tuning import Study, studies
from mubench.store.record import Record, is_scored
from mubench.store.results import SweepResults


def rows_from_results(results: SweepResults) -> tuple[BoardRow, ...]:
    """Return the rows of a sweep that have records, in the order of the sweep; pure.

    Raises:
        InputError: a record with a value that no row may have, a fraction above 1 for example.
    """
    return tuple(
        _row(results, cell, row, [study for study in searches if study.row == row.label])
        for cell in aggregate(results)
        for searches in [studies(cell)]
        for row in (cell.retrain, cell.original, *cell.methods)
        if row.records
    )


def _row(results: SweepResults, cell: Cell, row: Row, searches: Sequence[Study]) -> BoardRow:
    targets = {r.request: r.metrics for r in cell.retrain.scored}
    first = row.records[0]
    records = sorted(row.scored, key=lambda r: (r.request, r.id))
    measured = [r for r in records if "gap" in _values(r) and _target(r, targets)]
    ids = {r.id for r in measured}
    chosen = measured[0] if measured else first
    node: dict[str, Any] = {
        "format": FORMAT,
        "cell": cell.name,
        "dataset": first.dataset,
        "model": first.model,
        "scenario": first.scenario,
        "method": first.method or row.method,
        "row": row.label,
        "selection": row.selection,
        "expected": max(row.expected, len(row.records)),
        "requests": [_request(r, _target(r, targets), cell) for r in measured],
        "failures": [_failure(r) for r in row.records if r.id not in ids],
        "params": dict(chosen.params),
        "conditions": _conditions(row.records),
        "origin": {"name": results.name, "sweep": dict(results.document)},
    }
    if row.selection == "tuned":
        node["tuning"] = _tuning(chosen, searches) | {"luck": row.luck("gap") or 0.0}
    try:
        # Values without a JSON form (a date in a sweep file) are text in files, so here as well.
        return BoardRow.model_validate(json.loads(json.dumps(node, default=str)))
    except ValidationError as error:
        where = f"sweep '{results.name}': {cell.name}: {row.label} {row.selection}".strip()
        raise InputError(f"{where}: {problems_of(error)[0]}") from None


def _values(record: Record) -> Mapping[str, float]:
    """A record's metrics; the gap of a Retrain is 0."""
    own = {"gap": 0.0} if record.kind == "retrain" else {}
    return {**record.metrics, **own}


def _target(record: Record, targets: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The values of the Retrain of the record's gap: from the record, or of the request."""
    if record.kind == "retrain":
        return _terms(record.metrics)
    own = {term: record.metrics.get(f"retrain_{term}") for term in TERMS}
    recorded = {term: value for term, value in own.items() if value is not None}
    return recorded or _terms(targets.get(record.request, {}))


def _terms(metrics: Mapping[str, float]) -> dict[str, float]:
    return {term: metrics[term] for term in TERMS if term in metrics}


def _request(record: Record, target: dict[str, float], cell: Cell) -> dict[str, Any]:
    values = _values(record)
    replicas = cell.floor.records if cell.floor and record.kind == "retrain" else ()
    rte = values.get("rte_seconds")
    return {
        "name": record.request,
        "status": record.status,
        "seed_train": record.seed_train,
        "seed_forget": record.seed_forget,
        "forget_classes": record.forget_classes,
        "forget_hash": record.forget_hash,
        "n_forget": record.n_forget,
        **_terms(values),
        "gap": values["gap"],
        **({} if rte is None else {"rte_seconds": rte}),
        **({} if "luma" not in values else {"luma": values["luma"]}),
        "retrain": target,
        "replicas": [
            _terms(r.metrics) for r in replicas if r.request == record.request and r.replica
        ],
        "flags": record.flags,
    }


def _failure(record: Record) -> dict[str, Any]:
    status = "no_retrain" if is_scored(record) else record.status
    return {"name": record.request, "status": status, "message": record.message}


def _tuning(chosen: Record, searches: Sequence[Study]) -> dict[str, Any]:
    """What tuning took: the candidates of all searches of the row."""
    searched = (record for study in searches for record in study.records)
    dimensions = [chosen.free_dimensions, *(r.free_dimensions for r in searched)]
    return {
        "trials": max(chosen.trials, sum(study.trials for study in searches), 1),
        "free_dimensions": max(dimensions),
        "candidate": chosen.candidate,
    }


def _conditions(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Group records of the same environment, in the order of their ids."""
    groups: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: r.id):
        groups.setdefault(json.dumps(_shared(record), sort_keys=True), []).append(record)
    return [
        {
            **json.loads(shared),
            "created": max(r.created for r in group),
            "records": [r.id for r in group],
        }
        for shared, group in groups.items()
    ]


def _shared(record: Record) -> dict[str, Any]:
    names = ("device", "threads", "precision", "exclusive", "commit")
    values = {name: getattr(record, name) for name in names}
    return {**values, "versions": dict(record.versions)}
