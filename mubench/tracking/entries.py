"""What MLflow should show of a sweep, as plain data: which runs, with what in them. Pure.

One run for the sweep; below it one for each row of each cell (a study with its final steps) and
one for each reference; below a row its final steps and, when asked for, its search steps.
"""

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, takewhile

from mubench.ids import content_id
from mubench.plan import ORIGINAL, Plan, Step
from mubench.record import WORST, Record
from mubench.report.aggregate import COLUMNS, is_scored
from mubench.tracking.entry import Entry, Point, clean, cut, finite, milliseconds

ROOT = "sweep"
"""Key of the sweep's own run."""
_ABOUT = (
    "Below: one run for each row of the results table (means over its final requests, and the "
    "search's curve), with its final steps below it; and the references. The report is among the "
    "artifacts: report/index.html. Accuracies are fractions."
)
_SELECTIONS = ("default", "tuned")


def entries(
    plan: Plan, records: Mapping[str, Record], *, searches: bool = False, running: bool = False
) -> Iterator[Entry]:
    """The runs of a sweep as far as it got, every run after the one above it.

    `running` says that a sweep is still at work, so that an unfinished run is not called killed.
    """
    unfinished = "RUNNING" if running else "KILLED"
    keys = _row_keys(plan)
    yield _sweep(plan, records, unfinished)
    for (cell, row), steps in _rows(plan).items():
        if any(step.id in records for step in steps):
            yield _row(plan, keys[cell, row], steps, records, unfinished)
    for step in plan.steps.values():
        record = records.get(step.id)
        if record is not None and (searches or record.kind != "search"):
            above = "" if record.row == ORIGINAL else keys.get((record.cell, record.row), "")
            yield _record(step, record, above)


def _row_keys(plan: Plan) -> dict[tuple[str, str], str]:
    """Key of the run of each row of each cell; another study of the same row is another run."""
    studies = {(study.cell, study.row.label): study.id for study in plan.studies.values()}
    pairs = ((cell, row) for cell in plan.cells for row in plan.rows)
    return {pair: " ".join((*pair, studies.get(pair, ""))).strip() for pair in pairs}


def _rows(plan: Plan) -> dict[tuple[str, str], list[Step]]:
    """The steps of each row of each cell, in the order of the sweep file."""
    found: dict[tuple[str, str], list[Step]] = {
        (cell, row): [] for cell in plan.cells for row in plan.rows if row != ORIGINAL
    }
    for step in plan.steps.values():
        if step.request is not None and (step.request.cell, step.row) in found:
            found[step.request.cell, step.row].append(step)
    return found


def _sweep(plan: Plan, records: Mapping[str, Record], unfinished: str) -> Entry:
    start, end = _span(records.values())
    counts = {
        "steps": len(plan.steps),
        "steps_done": len(records),
        "steps_failed": sum(record.is_failure for record in records.values()),
    }
    finals = [record for record in records.values() if record.kind == "final"]
    by_row: dict[str, list[Record]] = {}
    for record in finals:
        by_row.setdefault(" ".join(filter(None, (record.selection, record.row))), []).append(record)
    gaps = {f"gap/{name}": _means(mine).get("gap") for name, mine in by_row.items()}
    return Entry(
        key=ROOT,
        parent="",
        name=plan.name,
        status=_status(plan.steps, records, unfinished),
        start=start,
        end=end,
        tags={
            "kind": "sweep",
            "mubench.sweep": plan.name,
            "mubench.plan": content_id(sorted(plan.steps)),
            "cells": cut(", ".join(plan.cells)),
            "rows": cut(", ".join(plan.rows)),
            "mlflow.note.content": _ABOUT,
        },
        metrics=finite({**counts, **gaps}),
    )


def _row(
    plan: Plan,
    key: str,
    steps: Sequence[Step],
    records: Mapping[str, Record],
    unfinished: str,
) -> Entry:
    held = [records[step.id] for step in steps if step.id in records]
    start, end = _span(held)
    cell, row = held[0].cell, held[0].row
    study = next((step.study for step in steps if step.study), "")
    finals = {s: [r for r in held if r.kind == "final" and r.selection == s] for s in _SELECTIONS}
    means = {
        f"{selection}/{name}": value
        for selection, mine in finals.items()
        for name, value in _means(mine).items()
    }
    chosen = next((record for record in finals["tuned"] if record.candidate >= 0), None)
    return Entry(
        key=key,
        parent=ROOT,
        name=f"{row} · {cell}",
        status=_status([step.id for step in steps], records, unfinished),
        start=start,
        end=end,
        tags={
            "kind": "study" if study else "row",
            "mubench.study": study,
            "cell": cell,
            "row": row,
            "trials": str(max(step.trials for step in steps)),
            "chosen_candidate": str(chosen.candidate) if chosen else "",
            "chosen_params": json.dumps(dict(chosen.params), sort_keys=True) if chosen else "",
        },
        params={
            "dataset": held[0].dataset,
            "model": held[0].model,
            "scenario": held[0].scenario,
            "method": held[0].method,
            "row": row,
        },
        metrics=finite(means),
        curve=_curve(plan.studies[study].steps, records) if study in plan.studies else (),
    )


def _record(step: Step, record: Record, row_key: str) -> Entry:
    end = milliseconds(record.created)
    seeds = {"seed_train": record.seed_train, "seed_forget": record.seed_forget}
    classes = ",".join(map(str, record.forget_classes))
    facts = {
        **record.params,
        **{name: value for name, value in seeds.items() if value >= 0},
        "dataset": record.dataset,
        "model": record.model,
        "scenario": record.scenario,
        "method": record.method,
        "forget_classes": classes,
    }
    return Entry(
        key=record.id,
        parent=row_key or ROOT,
        name=_name(step, record, below_row=bool(row_key)),
        status="FAILED" if record.is_failure else "FINISHED",
        start=end - round(1000 * record.seconds),
        end=end,
        tags=_tags(record),
        params={clean(k): cut(str(v)) for k, v in facts.items() if v not in ("", None)},
        metrics=finite({**record.metrics, "seconds": record.seconds}),
    )


def _name(step: Step, record: Record, *, below_row: bool) -> str:
    """`ugradsl tuned · forget=0 train=0`; a reference also says in which cell."""
    what = {
        "train": "train",
        "retrain": f"retrain replica {record.replica}" if record.replica else "retrain",
        "search": f"{record.row} candidate {record.candidate}",
        "final": f"{record.row} {record.selection}".strip(),
    }[step.kind]
    request = record.request.removeprefix(f"{record.cell}/").replace("/", " ")
    return " · ".join([what, request] if below_row else [what, record.cell, request])


def _tags(record: Record) -> dict[str, str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    tags = {
        "kind": record.kind,
        "status": record.status,
        "selection": record.selection,
        "purpose": record.purpose,
        "cell": record.cell,
        "row": record.row,
        "request": record.request,
        "candidate": str(record.candidate) if record.candidate >= 0 else "",
        "flags": ", ".join(record.flags),
        "forget_hash": record.forget_hash,
        "unlearn_id": record.unlearn_id,
        "device": record.device,
        "threads": str(record.threads),
        "precision": record.precision,
        "versions": versions,
        "traceback": record.traceback,
        "mubench.record": record.id,
        "mubench.created": record.created,
        "mubench.study": record.study,
        "mlflow.source.git.commit": record.commit,
        "mlflow.note.content": record.message,
    }
    return {name: cut(value) for name, value in tags.items() if value}


def _curve(candidates: Sequence[Sequence[str]], records: Mapping[str, Record]) -> tuple[Point, ...]:
    """Objective and best so far of the candidates up to the first one that is not done."""
    done = takewhile(lambda ids: all(i in records for i in ids), candidates)
    groups = [[records[i] for i in ids] for ids in done]
    values = [statistics.fmean(r.metrics.get("objective", WORST) for r in g) for g in groups]
    points: list[Point] = []
    for k, (value, best) in enumerate(zip(values, accumulate(values, min), strict=True)):
        time = _span(groups[k])[1]
        held = finite({"search/objective": value, "search/best_objective": best})
        points += [Point(name, number, k, time) for name, number in held.items()]
    return tuple(points)


def _means(records: Iterable[Record]) -> dict[str, float]:
    """The means that the report's table shows, fractions and seconds."""
    scored = [finite(record.metrics) for record in records if is_scored(record)]
    values = {name: [m[name] for m in scored if name in m] for name in COLUMNS}
    return {name: statistics.fmean(held) for name, held in values.items() if held}


def _status(ids: Iterable[str], records: Mapping[str, Record], unfinished: str) -> str:
    held = [records.get(key) for key in ids]
    if any(record is not None and record.is_failure for record in held):
        return "FAILED"
    return unfinished if None in held else "FINISHED"


def _span(records: Iterable[Record]) -> tuple[int, int]:
    """When the first of these began and the last ended; 0 for none."""
    held = [(milliseconds(r.created), r.seconds) for r in records]
    start = min((end - round(1000 * seconds) for end, seconds in held), default=0)
    return start, max((end for end, _ in held), default=0)
