"""Both diagnostics as metrics of a sweep."""

import math
from dataclasses import replace

import pytest

from mubench.errors import Diverged
from mubench.methods.shared.theorem2 import diagnose
from mubench.run.step_result import refused
from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Candidate
from tests.support.diagnostics import BOTH

SMALL = {
    "name": "tiny",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2, "train_size": 200}],
        "model": ["small_cnn"],
        "forget": [{"scenario": "random", "ratio": 0.1}],
    },
    "methods": {
        "ft": {"epochs": 1},
        "ugradsl": [{"epochs": 1, "alpha": [-0.2, -1.0]}, {"epochs": [1], "alpha": "adaptive"}],
    },
    "training": {"epochs": 2},
    "search": {"trials": 1},
    "seeds": {"search": {"train": [100], "forget": [100]}, "final": {"train": [0], "forget": [0]}},
    "floor": 0,
    "diagnostics": BOTH,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The plan, its records by (kind, row, selection), and the workspace they come from."""
    plan = make_plan(load.parse(SMALL, "x"))
    workspace = Workspace(Store(str(tmp_path_factory.mktemp("store"))))
    schedule = Schedule(plan, {})
    while (ready := schedule.next()) is not None:
        if ready.refusal:
            schedule.finish(refused(ready.step, ready.refusal))
        else:
            schedule.finish(run_step(ready.step, workspace, ready.candidate))
    return plan, schedule.records, workspace


def step_of(plan, **where):
    return next(
        step
        for step in plan.steps.values()
        if step.kind == "final" and all(getattr(step, k) == v for k, v in where.items())
    )


def test_theorem_2_is_a_metric_of_the_original_of_each_request(run):
    plan, records, workspace = run
    assert {(r.status, r.message) for r in records.values()} == {("ok", "")}
    step = step_of(plan, label="original")
    inputs = workspace.open(step)
    expected = diagnose(inputs.original, inputs.forget, inputs.retain, **BOTH["theorem2"])
    metrics = records[step.id].metrics
    assert metrics["theorem2_cosine"] == expected.cosine
    assert metrics["theorem2_best_alpha"] == expected.best_alpha
    assert metrics["theorem2_improvement"] == expected.relative_improvement
    assert metrics["theorem2_residual"] == expected.residual
    assert metrics["rte_seconds"] == 0
    assert records[step.id].phases["evidence"] > 0, "its time is told"
    for key, record in records.items():
        assert ("theorem2_cosine" in record.metrics) is (key == step.id)


def test_label_ldp_is_a_metric_of_rows_with_a_smoothing_rate(run):
    _, records, _ = run
    found = {}
    for record in records.values():
        if record.kind == "final" and record.selection == "default":
            said = [flag for flag in record.flags if "Label-LDP" in flag]
            found[record.row] = record.metrics.get("label_ldp_epsilon"), said
        else:
            assert "label_ldp_epsilon" not in record.metrics or record.selection == "tuned"
    rows = list(found)
    assert found["ft"] == (None, [])
    assert found["ugradsl[alpha=-0.2]"] == (pytest.approx(math.log(6), abs=1e-9), [])
    assert found["ugradsl[alpha=-1.0]"] == (
        None,
        ["no Label-LDP epsilon: needs -0.333333 < alpha < 0, got alpha=-1.0"],
    )
    [adaptive] = [row for row in rows if "alpha" not in row and row.startswith("ugradsl")]
    assert found[adaptive] == (None, ["no Label-LDP epsilon: alpha is adaptive, not one number"])


def test_where_theorem_2_has_no_answer_the_record_says_why(run, monkeypatch):
    plan, records, workspace = run
    step = step_of(plan, label="original")
    for error in (Diverged("a gradient is not finite"), ValueError("needs a and b")):

        def fail(*args, raised=error, **settings):
            raise raised

        monkeypatch.setattr("mubench.methods.shared.theorem2.diagnose", fail)
        record = run_step(step, workspace)
        assert record.status == "ok"
        assert f"no Theorem 2: {error}" in record.flags
        assert not any(name.startswith("theorem2") for name in record.metrics)
        assert record.metrics["ua"] == records[step.id].metrics["ua"]


def test_a_sweep_that_asks_for_nothing_gets_nothing(run):
    plan, records, workspace = run
    for row in ("original", "ugradsl[alpha=-0.2]"):
        step = step_of(plan, label=row)
        bare = replace(step, diagnostics=type(step.diagnostics)())
        record = run_step(bare, workspace, Candidate(step.defaults))
        gained = records[step.id].metrics.keys() - record.metrics.keys()
        assert gained == (
            {f"theorem2_{n}" for n in ("cosine", "best_alpha", "improvement", "residual")}
            if row == "original"
            else {"label_ldp_epsilon"}
        )
