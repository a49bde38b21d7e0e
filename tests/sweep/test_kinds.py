"""Words that plans and records share."""

from mubench.sweep.kinds import REFERENCES, STEP_KINDS
from tests.support.plans import BASE


def test_every_kind_is_planned_after_the_kinds_that_it_needs():
    assert {step.kind for step in BASE.steps.values()} == set(STEP_KINDS)
    for step in BASE.steps.values():
        for key in step.needs:
            needed = BASE.steps[key].kind
            assert STEP_KINDS.index(needed) <= STEP_KINDS.index(step.kind)


def test_references_are_the_rows_that_no_method_has():
    assert REFERENCES == ("retrain", "original")
    assert not {row.label for row in (s.row for s in BASE.studies.values())} & set(REFERENCES)
