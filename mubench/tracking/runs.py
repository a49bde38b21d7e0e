"""The runs that MLflow should show of a sweep, as plain data. Pure.

One run for the sweep; below it one for each row of each cell (a study with its final steps) and
one for each cell's Retrain and original; below these their steps, search steps when asked for.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mubench.catalogue.ids import content_id
from mubench.report.analysis.aggregate import Cell, aggregate
from mubench.report.figures.figure import BAND, PALETTE
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.sweep.kinds import ORIGINAL, REFERENCES, RETRAIN
from mubench.sweep.plan import Plan
from mubench.sweep.steps import (
    FinalStep,
    RequestStep,
    RetrainStep,
    SearchStep,
    Step,
    Study,
    TrainStep,
)
from mubench.tracking.descriptions import row_note, sweep_note
from mubench.tracking.metrics import floor_metrics, ordered, row_metrics, sweep_metrics
from mubench.tracking.run_data import (
    COLOR,
    CREATED,
    NOTE,
    RunData,
    clean,
    curve,
    cut,
    finite,
    milliseconds,
    span,
    status,
)
from mubench.tracking.run_names import RunNames, cell_names

ROOT = "sweep"
"""Key of the sweep's own run."""


def run_tree(
    plan: Plan,
    source: SweepResults,
    links: Mapping[str, str],
    *,
    searches: bool = False,
    running: bool = False,
) -> Iterator[RunData]:
    """Yield the runs of the completed steps of a sweep, every run after its parent.

    Args:
        plan: the plan of the sweep.
        source: its records.
        links: the link of each saved view of the experiment, by title.
        searches: whether a search step is a run too.
        running: whether the sweep is still running; else an incomplete run was killed.
    """
    tree = _Tree(plan, source, "RUNNING" if running else "KILLED")
    yield tree.sweep(links)
    for (cell, label), steps in tree.rows.items():
        if any(step.id in tree.records for step in steps):
            yield tree.row(cell, label, steps)
    for step in plan.steps.values():
        if step.id in tree.records and (searches or step.kind != "search"):
            yield tree.step(step)


class _Tree:
    """The runs of one sweep."""

    def __init__(self, plan: Plan, source: SweepResults, unfinished: str) -> None:
        self.records = {record.id: record for record in source.records}
        self.rows = _rows(plan)
        self._plan = plan
        self._published = source.published
        self._unfinished = unfinished
        self._names = RunNames(plan)
        self._cells = {cell.name: cell for cell in aggregate(source)}
        self._keys = _row_keys(plan, self.rows)
        self._controls = plan.controls
        self._colors = {row: _color(number) for number, row in enumerate(plan.methods)}

    def sweep(self, links: Mapping[str, str]) -> RunData:
        """Return the root of the tree."""
        plan, records = self._plan, self.records.values()
        start, end = span(records)
        cells = list(self._cells.values())
        counts = {
            "steps": len(plan.steps),
            "steps_done": len(records),
            "steps_failed": sum(record.is_failure for record in records),
        }
        return RunData(
            key=ROOT,
            parent="",
            name=plan.name,
            status=status(plan.steps, self.records, self._unfinished),
            start=start,
            end=end,
            tags={
                "kind": "sweep",
                "mubench.sweep": plan.name,
                "mubench.plan": content_id(sorted(plan.steps)),
                "cells": cut(", ".join(plan.cells)),
                "rows": cut(", ".join(plan.rows)),
                NOTE: sweep_note(plan, cells, self._published, links),
            },
            metrics={**finite(counts), **sweep_metrics(cells, cell_names(plan))},
        )

    def row(self, cell: str, label: str, steps: Sequence[RequestStep]) -> RunData:
        """Return the run of a row of the table: its means, and the curve of its search."""
        records = [self.records[step.id] for step in steps if step.id in self.records]
        first = records[0]
        start, end = span(records)
        studies = self._studies(steps)
        tuned = [r for r in records if r.kind == "final" and r.candidate >= 0]
        chosen = list({record.repeat: record for record in reversed(tuned)}.values())[::-1]
        trials = studies[0].trials if studies else 0
        results = self._cells[cell]
        tags = {
            "kind": self._kind(label),
            "mubench.study": studies[0].id if studies else "",
            "cell": cell,
            "row": label,
            "trials": str(trials) if studies else "",
            "chosen_candidate": ", ".join(str(each.candidate) for each in chosen),
            "chosen_params": "\n".join(
                json.dumps(dict(each.params), sort_keys=True) for each in chosen
            ),
            COLOR: self._color(label),
            NOTE: row_note(results, label, self._published, chosen, trials),
        }
        return RunData(
            key=self._keys[cell, label],
            parent=ROOT,
            name=self._names.row(steps[0]),
            status=status([step.id for step in steps], self.records, self._unfinished),
            start=start,
            end=end,
            tags=tags,
            params={
                "dataset": first.dataset,
                "model": first.model,
                "scenario": first.scenario,
                "method": first.method,
                "row": label,
            },
            metrics=_row_metrics(results, label),
            curve=curve(studies, self.records),
        )

    def step(self, step: Step) -> RunData:
        """Return the run of a step."""
        record = self.records[step.id]
        label = _label(step)
        parent = self._keys.get((record.cell, label), ROOT)
        name = self._names.step(step, record.candidate)
        return step_run(record, parent, name, self._color(label))

    def _studies(self, steps: Sequence[RequestStep]) -> list[Study]:
        """The searches of a row in a cell."""
        searched = dict.fromkeys(step.study_id for step in steps if isinstance(step, SearchStep))
        return [self._plan.studies[key] for key in searched]

    def _kind(self, label: str) -> str:
        """What the run of a row is: saved views compare those of the kind `row`."""
        if label in REFERENCES:
            return "reference"
        return "control" if label in self._controls else "row"

    def _color(self, label: str) -> str:
        """A method's colour in the report's figures; all others have that of the noise floor."""
        return self._colors.get(label, BAND)


def _color(number: int) -> str:
    """The report's colours, darker each time they repeat: MLflow draws no shapes."""
    tone = PALETTE[number % len(PALETTE)]
    parts = (int(tone[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part * 0.6 ** (number // len(PALETTE))):02x}" for part in parts)


def _label(step: Step) -> str:
    """The row of the table that a step belongs to; empty for a training."""
    match step:
        case TrainStep():
            return ""
        case RetrainStep():
            return RETRAIN
        case SearchStep() | FinalStep():
            return step.label


def _rows(plan: Plan) -> dict[tuple[str, str], list[RequestStep]]:
    """The steps of each row of each cell, references first, else in the order of the sweep file."""
    labels = dict.fromkeys((RETRAIN, ORIGINAL, *plan.rows))
    rows: dict[tuple[str, str], list[RequestStep]] = {
        (cell, row): [] for cell in plan.cells for row in labels
    }
    for step in plan.steps.values():
        if not isinstance(step, TrainStep) and (step.request.cell, _label(step)) in rows:
            rows[step.request.cell, _label(step)].append(step)
    return rows


def _row_keys(plan: Plan, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Key of the run of each row of each cell; another study of the same row is another run."""
    first = (study for study in plan.studies.values() if not study.repeat)
    studies = {(study.cell, study.row.label): study.id for study in first}
    return {pair: " ".join((*pair, studies.get(pair, ""))).strip() for pair in pairs}


def _row_metrics(cell: Cell, label: str) -> dict[str, float]:
    metrics = row_metrics(row for row in cell.rows if row.label == label and row.records)
    return {**metrics, **floor_metrics(cell)} if label == RETRAIN else metrics


def step_run(record: Record, parent: str, name: str, color: str) -> RunData:
    """Return the run of a step, with the whole record; `parent` is the key of its parent run."""
    end = milliseconds(record.created)
    seeds = {"seed_train": record.seed_train, "seed_forget": record.seed_forget}
    facts = {
        **record.params,
        **{name: value for name, value in seeds.items() if value >= 0},
        "dataset": record.dataset,
        "model": record.model,
        "scenario": record.scenario,
        "method": record.method,
        "forget_classes": ",".join(map(str, record.forget_classes)),
    }
    return RunData(
        key=record.id,
        parent=parent,
        name=name,
        status="FAILED" if record.is_failure else "FINISHED",
        start=end - round(1000 * record.seconds),
        end=end,
        tags={**_tags(record), COLOR: color},
        params={clean(k): cut(str(v)) for k, v in facts.items() if v not in ("", None)},
        metrics=finite({**ordered(record.metrics), "seconds": record.seconds}),
    )


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
        CREATED: record.created,
        "mubench.study": record.study,
        "mlflow.source.git.commit": record.commit,
        NOTE: record.message,
    }
    return {name: cut(value) for name, value in tags.items() if value}
