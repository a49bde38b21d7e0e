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
from mubench.sweep.plan import ORIGINAL, Plan, Request, Step
from mubench.tracking.descriptions import row_note, sweep_note
from mubench.tracking.metrics import floor_metrics, row_metrics, sweep_metrics
from mubench.tracking.names import Names
from mubench.tracking.progress import curve, span, status
from mubench.tracking.run_data import COLOR, NOTE, Entry, cut, finite
from mubench.tracking.steps import step_entry

ROOT = "sweep"
"""Key of the sweep's own run."""
RETRAIN = "retrain"


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
        methods = [row for row in plan.rows if row not in (ORIGINAL, RETRAIN)]
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

    def row(self, cell: str, label: str, steps: Sequence[Step]) -> Entry:
        """The run of a row of the table: its means, and its search's curve."""
        held = [self.records[step.id] for step in steps if step.id in self.records]
        start, end = span(held)
        study = next((step.study for step in steps if step.study), "")
        tuned = (r for r in held if r.kind == "final" and r.selection == "tuned")
        chosen = next((record for record in tuned if record.candidate >= 0), None)
        trials = max(step.trials for step in steps)
        found = self._cells[cell]
        is_reference = label in (ORIGINAL, RETRAIN)
        facts = {"dataset": held[0].dataset, "model": held[0].model, "scenario": held[0].scenario}
        tags = {
            "kind": "reference" if is_reference else "row",
            "mubench.study": study,
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
            name=self._names.row(label, _request(steps)),
            status=status([step.id for step in steps], self.records, self._unfinished),
            start=start,
            end=end,
            tags=tags,
            params={**facts, "method": held[0].method, "row": label},
            metrics=_row_metrics(found, label),
            curve=curve(self._plan.studies[study].steps, self.records)
            if study in self._plan.studies
            else (),
        )

    def step(self, step: Step) -> Entry:
        """The run of a step."""
        record = self.records[step.id]
        label = _label(step)
        above = self._keys.get((record.cell, label), ROOT)
        return step_entry(
            record, above, self._names.step(step, record.candidate), self._color(label)
        )

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
    requests = (step.request for step in plan.steps.values() if step.request)
    return {request.cell: names.cell(request) for request in requests}


def _label(step: Step) -> str:
    """The row of the table that a step belongs to; empty for a training."""
    return RETRAIN if step.kind == "retrain" else step.row


def _rows(plan: Plan) -> dict[tuple[str, str], list[Step]]:
    """The steps of each row of each cell, references first, else in the order of the sweep file."""
    labels = dict.fromkeys((RETRAIN, ORIGINAL, *plan.rows))
    found: dict[tuple[str, str], list[Step]] = {(c, row): [] for c in plan.cells for row in labels}
    for step in plan.steps.values():
        if step.request is not None and (step.request.cell, _label(step)) in found:
            found[step.request.cell, _label(step)].append(step)
    return found


def _row_keys(plan: Plan, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Key of the run of each row of each cell; another study of the same row is another run."""
    studies = {(study.cell, study.row.label): study.id for study in plan.studies.values()}
    return {pair: " ".join((*pair, studies.get(pair, ""))).strip() for pair in pairs}


def _request(steps: Sequence[Step]) -> Request:
    return next(step.request for step in steps if step.request)


def _row_metrics(cell: Cell, label: str) -> dict[str, float]:
    rows = (cell.retrain, cell.original, *cell.methods)
    found = row_metrics(row for row in rows if row.label == label and row.records)
    return {**found, **floor_metrics(cell)} if label == RETRAIN else found
