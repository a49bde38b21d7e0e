"""The tree of runs: status, curve and colours."""

from dataclasses import replace

import pytest

from mubench.report.figures.figure import BAND, PALETTE
from mubench.sweep.plan import Plan
from mubench.tracking.run_names import cell_names
from mubench.tracking.runs import ROOT, run_tree
from mubench.tracking.views import saved_views
from tests.support.report_world import world
from tests.support.tracked_plan import plan_of
from tests.support.tracked_world import record_of, small_outline, small_plan


@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
def test_a_failed_candidate_counts_as_the_worst_and_an_unfinished_one_ends_the_curve():
    plan = small_plan("methods={ft: {}}")
    records = {
        step.id: record_of(step, **({"status": "error", "metrics": {}} if k == 1 else {}))
        for step in plan.steps.values()
        if step.kind == "search"
        for k in [step.place]
    }
    study = next(iter(plan.studies.values()))

    def objectives() -> list[float]:
        source = replace(small_outline(), records=tuple(records.values()))
        row = next(e for e in run_tree(plan, source, {}) if e.tags["kind"] == "row")
        return [point.value for point in row.curve if point.name == "search/objective"]

    assert objectives() == [0.5, 1.0, 0.3]
    del records[study.rounds[0][1]]
    assert objectives() == [0.5]


def test_a_sweep_that_has_just_begun_says_so(plan: Plan):
    source = replace(world(), records=(), cells=plan.cells, rows=plan.rows)
    [only] = run_tree(plan, source, {}, running=True)
    assert (only.name, only.status) == ("quickstart", "RUNNING")
    assert only.tags["mlflow.note.content"].count("No step of this cell has completed.") == 2
    assert only.metrics == {"steps": len(plan.steps), "steps_done": 0, "steps_failed": 0}


def test_a_row_has_one_colour_wherever_it_stands(plan: Plan):
    many = plan_of("methods.ugradsl=[{}, {alpha: [0.0, -0.2, -0.3, -0.5, -1.0]}]")
    records = [record_of(step) for step in many.steps.values() if step.kind != "search"]
    records = [
        r if r.kind == "train" else replace(r, cell=many.steps[r.id].request.cell) for r in records
    ]
    source = replace(
        world(), records=tuple(records), cells=many.cells, rows=many.rows, expected=many.expected()
    )
    shown: dict[str, set[str]] = {}
    for run in run_tree(many, source, {}):
        if run.tags["kind"] in ("row", "control", "final"):
            shown.setdefault(run.tags["row"], set()).add(run.tags["mlflow.runColor"])
    methods = many.methods
    assert many.controls == ("sham", "mask")
    assert [shown[row] for row in many.controls] == [{BAND}] * 2, "as references"
    assert len(methods) > len(PALETTE)
    assert [len(shown[row]) for row in methods] == [1] * len(methods)
    assert [shown[row] for row in methods[: len(PALETTE)]] == [{tone} for tone in PALETTE]
    assert len({tone for row in methods for tone in shown[row]}) == len(methods)


def test_saved_views_compare_methods_and_not_controls():
    """They ask for runs of the kind `row`; a control has its own run, with its own names."""
    plan = plan_of("claims=[]")
    cell = plan.cells[0]
    records = [
        replace(record_of(step), cell=cell, metrics={"ua": 0.5, "gap": 0.1})
        for step in plan.steps.values()
        if step.kind == "final" and step.request.cell == cell
    ]
    source = replace(
        world(), records=tuple(records), cells=plan.cells, rows=plan.rows, expected=plan.expected()
    )
    runs = list(run_tree(plan, source, {}))
    kinds = {run.tags["row"]: run.tags["kind"] for run in runs if run.parent == ROOT}
    assert kinds == {
        "original": "reference",
        **dict.fromkeys(plan.methods, "row"),
        "sham": "control",
    }
    [sham] = [run for run in runs if run.tags["kind"] == "control"]
    assert sham.metrics["control/gap"] == 0.1
    assert not any(name.startswith(("tuned", "default")) for name in sham.metrics)
    assert "Sham" in sham.name
    where = saved_views(plan, cell_names(plan))[0].state["searchFilter"]
    assert "tags.kind = 'row'" in where
