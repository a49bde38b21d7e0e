"""How long steps are expected to take."""

from dataclasses import replace

import pytest

from mubench.run.estimate import estimate
from mubench.run.open_sweep import open_sweep

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_a_step_is_expected_to_take_as_long_as_its_like(finished):
    """Two more candidates of 2 s and 4 s before them; nothing like FT was seen yet."""
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    records = opened.store.records.read()
    seconds = iter([2.0, 4.0])
    for key, record in records.items():
        if record.kind == "search":
            records[key] = replace(record, seconds=next(seconds))
    more = open_sweep(str(finished / "tiny.yaml"), "new", ["search.trials=4"])
    costs = {cost.kind: cost for cost in estimate(more.plan, records)}
    assert (costs["search"].total, costs["search"].cached, costs["search"].to_run) == (4, 2, 2)
    assert costs["search"].seconds == pytest.approx(6.0)
    assert costs["train"].seconds == 0
    other = open_sweep(str(finished / "tiny.yaml"), "new", ["methods={ft: {}}"])
    assert {c.kind: c.seconds for c in estimate(other.plan, records)}["search"] is None


def test_a_refusal_costs_nothing(finished):
    opened = open_sweep(str(finished / "tiny.yaml"), "new")
    finals = {k: s for k, s in opened.plan.steps.items() if s.kind == "final"}
    assert estimate(replace(opened.plan, steps=finals), {})[-1].seconds is None
    refused = {key: replace(step, refusal="not here") for key, step in finals.items()}
    costs = estimate(replace(opened.plan, steps=refused), {})
    assert [cost.seconds for cost in costs] == [0, 0, 0, 0]
