"""The size of a control, and the steps that decide it."""

from dataclasses import replace

import pytest

from mubench.run.tune.controls import median_change
from mubench.run.tune.schedule import Schedule
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.run.tune.test_schedule import made
from tests.support.report_world import record
from tests.support.small_sweep import SWEEP, changed

PLAN = make_plan(load.parse(changed(SWEEP, controls=["sham", "mask"]), "x"))


def changes(*values, status="ok"):
    return [record(status=status, metrics={"weight_change": value}) for value in values]


def test_the_size_is_the_median_of_the_steps_that_did_not_fail():
    assert median_change(changes(0.1, 0.5, 0.2)) == 0.2
    assert median_change([*changes(0.1, 0.3), *changes(9.0, status="diverged")]) == 0.2
    assert median_change([record(status="error", metrics={})]) is None


def finished(change):
    """The schedule walked to its end, and the candidates of shams by request."""
    schedule, shams = Schedule(PLAN, {}), {}
    while (due := schedule.next()) is not None:
        found = made(due)
        if due.step.kind == "final" and not due.refusal:
            found = replace(found, metrics={"weight_change": change(due.step)})
        if getattr(due.step, "label", "") == "sham":
            shams[due.step.request.name] = due
        schedule.finish(found)
    assert schedule.is_finished
    return shams


def test_a_sham_is_as_long_as_the_median_of_the_methods_of_its_request():
    sizes = {"ft": 0.1, "ga": 0.2, "ugradsl[alpha=-0.2]": 0.3, "ugradsl[alpha=-1.0]": 0.6}
    shams = finished(lambda step: sizes.get(step.label, 99.0) * (step.selection == "tuned"))
    assert len(shams) == 4
    for due in shams.values():
        assert due.candidate.params == {"size": pytest.approx(0.25)}


def test_without_a_method_that_ends_there_is_nothing_to_match():
    schedule, refusals = Schedule(PLAN, {}), []
    while (due := schedule.next()) is not None:
        failed = due.step.kind == "final" and due.step.selection == "tuned"
        if getattr(due.step, "label", "") == "sham":
            refusals.append(due.refusal)
        schedule.finish(made(due, "error" if failed else "ok"))
    assert refusals == ["no method left a change of weights to match"] * 4
