"""The steps of a plan: their order, needs, titles and counts."""

from itertools import combinations

from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.plans import BASE, steps_of
from tests.support.small_sweep import SWEEP, changed


def test_expected_counts_the_final_records_of_each_cell_row_and_selection():
    cell = BASE.cells[0]
    expected = BASE.expected()
    assert expected[cell, "original", ""] == 2
    assert expected[cell, "ft", "default"] == 2
    assert expected[cell, "ft", "tuned"] == 2
    assert sum(expected.values()) == 36


def test_controls_are_neither_methods_nor_the_original():
    plan = make_plan(parse(changed(SWEEP, controls=["sham", "mask"]), "x"))
    assert plan.rows == ("original", *plan.methods, "sham", "mask")
    assert plan.controls == ("sham", "mask")
    assert plan.methods == BASE.methods == ("ft", "ga", *plan.methods[2:])
    assert BASE.controls == ()


def test_a_step_is_stored_under_its_own_id_and_needs_steps_that_stand_before_it():
    seen = set()
    for key, step in BASE.steps.items():
        assert key == step.id
        assert seen.issuperset(step.needs)
        seen.add(key)


def test_references_of_a_step_are_among_its_needs():
    made = {step.unlearn_id: step.id for step in steps_of(BASE, "train", "retrain")}
    for step in steps_of(BASE, "search", "final"):
        assert made[step.train_id] in step.needs
        assert made[step.retrain_id] in step.needs
    for step in steps_of(BASE, "retrain", replica=1):
        assert made[step.retrain_id] in step.needs


def test_titles_are_short_and_tell_steps_of_a_kind_apart():
    titles = [step.title for step in BASE.steps.values()]
    for one, other in combinations(titles, 2):
        assert one != other
