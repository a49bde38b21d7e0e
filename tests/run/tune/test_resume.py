"""What of an earlier run still holds, and what is made again."""

import shutil
from dataclasses import replace

import pytest

from mubench.run.open_sweep import open_sweep
from mubench.run.tune.resume import finished as ended
from mubench.run.tune.resume import forget_failures, usable_records


@pytest.fixture
def opened(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy")
    return open_sweep(str(tmp_path / "copy" / "tiny.yaml"), str(tmp_path / "copy" / "store"))


def only(opened, kind, **where):
    return next(
        step
        for step in opened.plan.steps.values()
        if step.kind == kind and all(getattr(step, k) == v for k, v in where.items())
    )


def test_a_sweep_with_all_records_has_ended_and_one_that_lacks_one_has_not(opened):
    assert ended(opened.plan, opened.store).records.keys() == opened.plan.steps.keys()
    opened.store.records.discard(frozenset({only(opened, "final").id}))
    assert ended(opened.plan, opened.store) is None


def test_a_damaged_reference_is_made_again_where_something_still_needs_it(opened):
    final = only(opened, "final", selection="default")
    reference = next(n for n in final.needs if opened.plan.steps[n].kind == "train")
    opened.store.artefacts.discard(opened.plan.steps[reference].unlearn_id)
    assert usable_records(opened.plan, opened.store).keys() == opened.plan.steps.keys()
    opened.store.records.discard(frozenset({final.id}))
    with pytest.warns(UserWarning, match="made again"):
        left = usable_records(opened.plan, opened.store)
    assert opened.plan.steps.keys() - left.keys() == {final.id, reference}


def test_a_failed_candidate_takes_the_tuned_step_along_and_not_the_default_one(opened):
    failed = only(opened, "search", place=0)
    record = opened.store.records.read()[failed.id]
    late = "2999-01-01T00:00:00.000+00:00"
    opened.store.records.append(replace(record, status="error", created=late))
    assert forget_failures(opened.plan, opened.store) == 1
    left = opened.store.records.read()
    assert failed.id not in left
    assert only(opened, "final", selection="tuned").id not in left
    assert only(opened, "final", selection="default").id in left
