"""The four kinds of steps: names, titles, selections."""

from dataclasses import replace

import pytest

from mubench.sweep.spec import Resources
from mubench.sweep.steps import refusal_of
from tests.support.plans import BASE, steps_of

STEPS = tuple(BASE.steps.values())


def test_no_two_steps_share_their_names_except_the_selections_of_a_row():
    seen = [(step.names, getattr(step, "selection", None)) for step in STEPS]
    assert len(set(seen)) == len(seen)
    assert len({step.title for step in STEPS}) == len(STEPS)


@pytest.mark.parametrize("kind", ["train", "retrain", "search", "final"])
def test_a_title_begins_with_the_kind(kind):
    steps = steps_of(BASE, kind)
    assert steps
    assert all(step.title.startswith(f"{kind} ") for step in steps)
    assert all(step.names[0] == kind for step in steps)


def test_a_final_step_is_default_tuned_or_of_the_original():
    by_selection = {step.selection: step for step in steps_of(BASE, "final", label="ft")}
    assert by_selection.keys() == {"default", "tuned"}
    assert by_selection["default"].defaults == by_selection["default"].row.space.defaults
    assert by_selection["tuned"].defaults == {}
    original = steps_of(BASE, "final", label="original")[0]
    assert (original.selection, original.defaults, original.method) == (None, {}, "original")
    assert "(" not in original.title


def test_only_a_final_step_is_refused():
    final = replace(steps_of(BASE, "final")[0], refusal="needs a retain set")
    assert refusal_of(final) == "needs a retain set"
    assert {refusal_of(step) for step in STEPS} == {None}


@pytest.mark.parametrize(("cpu", "threads"), [(0.5, 1), (1, 1), (3.5, 3)])
def test_threads_are_whole_cpus_and_at_least_one(cpu, threads):
    execution = replace(STEPS[0].execution, resources=Resources(cpu=cpu))
    assert execution.threads == threads
