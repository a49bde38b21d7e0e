"""What MLflow should show of a sweep, as plain data: which runs, with what in them. Pure.

One run for the sweep; below it one for each row of each cell (a study with its final steps) and
one for each cell's Retrain and original; below these their steps, search steps when asked for.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mubench.catalogue.ids import content_id
from mubench.report.analysis.aggregate import Cell, aggregate
from mubench.report.figures.figure import BAND, PALETTE
from mubench.store.results import ReportSource
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
from mubench.tracking.metrics import floor_metrics, row_metrics, sweep_metrics
from mubench.tracking.names import Names
from mubench.tracking.progress import curve, span, status
from mubench.tracking.run_data import COLOR, NOTE, Entry, cut, finite
from mubench.tracking.steps import step_entry

ROOT = "sweep"
"""Key of the sweep's own run."""


def entries(
    plan: Plan,
    source: ReportSource,
    links: Mapping[str, str],
    *,
    searches: bool = False,
    running: bool = False,
) -> Iterator[Entry]:
    """The runs of a sweep as far as it got, every run after the one above it.

    Args:
        plan: whose steps are shown.
        source: their records.
        links: titles of the experiment's saved views, and where each opens.
        searches: whether a search step is a run too.
        running: whether the sweep is still at work, so that an unfinished run was not killed.
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
    """The runs of one sweep, made one by one."""

    def __init__(self, plan: Plan, source: ReportSource, unfinished: str) -> None:
        self.records = {record.id: record for record in source.records}
        self.rows = _rows(plan)
        self._plan = plan
        self._published = source.published
        self._unfinished = unfinished
        self._names = Names(plan)
        self._cells = {cell.name: cell for cell in aggregate(source)}
        self._keys = _row_keys(plan, self.rows)
        methods = [row for row in plan.rows if row not in REFERENCES]
        self._colors = {row: _color(number) for number, row in enumerate(methods)}

    def sweep(self, links: Mapping[str, str]) -> Entry:
        """The run above all others."""
        plan, held = self._plan, self.records.values()
        start, end = span(held)
        cells = list(self._cells.values())
        counts = {
            "steps": len(plan.steps),
            "steps_done": len(held),
            "steps_failed": sum(record.is_failure for record in held),
        }
        return Entry(
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

    def row(self, cell: str, label: str, steps: Sequence[RequestStep]) -> Entry:
        """The run of a row of the table: its means, and its search's curve."""
        held = [self.records[step.id] for step in steps if step.id in self.records]
        start, end = span(held)
        study = self._study(steps)
        tuned = (r for r in held if r.kind == "final" and r.selection == "tuned")
        chosen = next((record for record in tuned if record.candidate >= 0), None)
        trials = study.trials if study else 0
        found = self._cells[cell]
        is_reference = label in REFERENCES
        facts = {"dataset": held[0].dataset, "model": held[0].model, "scenario": held[0].scenario}
        tags = {
            "kind": "reference" if is_reference else "row",
            "mubench.study": study.id if study else "",
            "cell": cell,
            "row": label,
            "trials": str(trials) if study else "",
            "chosen_candidate": str(chosen.candidate) if chosen else "",
            "chosen_params": json.dumps(dict(chosen.params), sort_keys=True) if chosen else "",
            COLOR: self._color(label),
            NOTE: row_note(found, label, self._published, chosen, trials),
        }
        return Entry(
            key=self._keys[cell, label],
            parent=ROOT,
            name=self._names.row(steps[0]),
            status=status([step.id for step in steps], self.records, self._unfinished),
            start=start,
            end=end,
            tags=tags,
            params={**facts, "method": held[0].method, "row": label},
            metrics=_row_metrics(found, label),
            curve=curve(study.steps, self.records) if study else (),
        )

    def step(self, step: Step) -> Entry:
        """The run of a step."""
        record = self.records[step.id]
        label = _label(step)
        above = self._keys.get((record.cell, label), ROOT)
        return step_entry(
            record, above, self._names.step(step, record.candidate), self._color(label)
        )

    def _study(self, steps: Sequence[RequestStep]) -> Study | None:
        """The search of a row in a cell, if it has one."""
        searched = (step.study_id for step in steps if isinstance(step, SearchStep))
        return next((self._plan.studies[key] for key in searched), None)

    def _color(self, label: str) -> str:
        """As in the report's figures; references are of the band that shows the noise floor."""
        return self._colors.get(label, BAND)


def _color(number: int) -> str:
    """The report's colours; where they start again, darker each time: MLflow draws no shapes."""
    tone = PALETTE[number % len(PALETTE)]
    parts = (int(tone[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part * 0.6 ** (number // len(PALETTE))):02x}" for part in parts)


def cell_names(plan: Plan) -> dict[str, str]:
    """A short name for each cell."""
    names = Names(plan)
    steps = [step for step in plan.steps.values() if not isinstance(step, TrainStep)]
    return {step.request.cell: names.cell(step.request) for step in steps}


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
    studies = {(study.cell, study.row.label): study.id for study in plan.studies.values()}
    return {pair: " ".join((*pair, studies.get(pair, ""))).strip() for pair in pairs}


def _row_metrics(cell: Cell, label: str) -> dict[str, float]:
    found = row_metrics(row for row in cell.rows if row.label == label and row.records)
    return {**found, **floor_metrics(cell)} if label == RETRAIN else found
