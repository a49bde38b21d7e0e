"""Evidence as a sweep file asks for it, and the ids that it concerns."""

import pytest

from mubench.errors import InputError
from mubench.metrics.blocks import BLOCKS
from mubench.sweep import load, step_ids
from mubench.sweep.evidence import Evidence
from mubench.sweep.planner import make_plan
from mubench.sweep.step_ids import sources_of
from tests.support.small_sweep import SWEEP, changed

BAD = {
    "unknown block": (["relearning"], "relearning: unknown block; did you mean 'relearn'?"),
    "unknown setting": ({"relearn": {"epoch": 3}}, "relearn.epoch: unknown key; did you mean"),
    "no epochs": ({"relearn": {"epochs": 0}}, "relearn.epochs: must be at least 1; got 0"),
    "no rate": ({"relearn": {"rate": 0}}, "relearn.rate: must be above 0.0; got 0"),
    "few examples": ({"probe": {"examples": 2}}, "probe.examples: must be at least 20; got 2"),
    "no options": ({"relearn": False}, "relearn: a mapping is needed; got False"),
    "options in a list": ([{"relearn": {}}], "a block, a list of blocks or a mapping is needed"),
    "a number as a block": ({3: {}}, "3"),
    "outputs of no block": ({"outputs": ["relearn"]}, "evidence.outputs.relearn: unknown block"),
    "outputs in no list": ({"outputs": 3}, "outputs: a list is needed; got 3"),
    "a number": (3, "a block, a list of blocks or a mapping is needed; got 3"),
}


@pytest.mark.parametrize(("node", "message"), BAD.values(), ids=list(BAD))
def test_a_mistake_is_one_line_that_says_where(node, message):
    with pytest.raises(InputError) as caught:
        load.parse(changed(SWEEP, evidence=node), "x")
    assert str(caught.value).startswith("x: evidence")
    assert message in str(caught.value)


def evidence_of(node):
    return load.parse(changed(SWEEP, evidence=node), "x").evidence


def test_a_list_a_mapping_a_name_and_all():
    assert evidence_of(["relearn", "probe"]) == evidence_of({"relearn": {}, "probe": None})
    assert evidence_of("probe") == evidence_of(["probe"])
    every = evidence_of("all")
    assert every.outputs == tuple(BLOCKS)
    assert all(getattr(every, name) is not None for name in Evidence.of_weights())
    assert evidence_of({"relearn": {"epochs": 7}}).relearn.epochs == 7
    assert not evidence_of(None)


def plan_of(**changes):
    return make_plan(load.parse(changed(SWEEP, **changes), "x"))


def test_outputs_and_searches_keep_their_ids_and_reported_models_get_others():
    before, after = plan_of(), plan_of(evidence=["probe"])
    pairs = list(zip(before.steps.values(), after.steps.values(), strict=True))
    assert [a.unlearn_id for a, _ in pairs] == [b.unlearn_id for _, b in pairs]
    moved = {(b.kind, b.training.purpose) for a, b in pairs if a.id != b.id}
    assert moved == {("retrain", "final"), ("final", "final")}
    assert {a.id for a, _ in pairs if a.kind in ("train", "search")} <= after.steps.keys()


def test_blocks_of_outputs_move_no_step():
    assert plan_of().steps.keys() == plan_of(evidence=list(BLOCKS)).steps.keys()


def test_settings_and_code_of_a_block_are_in_the_ids(monkeypatch):
    before = plan_of(evidence={"probe": {}})
    other = plan_of(evidence={"probe": {"examples": 500}})
    finals = [step.id for step in before.steps.values() if step.kind == "final"]
    assert not other.steps.keys() & set(finals)
    assert "mubench.evidence.probe:probe" in sources_of(before.steps.values())
    assert "mubench.evidence.probe:probe" not in sources_of(plan_of().steps.values())
    real = step_ids.source_id
    monkeypatch.setattr(
        step_ids,
        "source_id",
        lambda *m: real(*m) + "changed" * ("mubench.evidence.probe:probe" in m),
    )
    assert not plan_of(evidence={"probe": {}}).steps.keys() & set(finals)


def test_a_reported_retrain_waits_for_the_original_that_it_is_compared_with():
    plan = plan_of(evidence=["weights"])
    for step in plan.steps.values():
        if step.kind != "retrain":
            continue
        originals = [n for n in step.needs if plan.steps[n].kind == "train"]
        assert originals == ([step.train_id] if step.training.purpose == "final" else [])


def test_what_is_refused_is_not_examined():
    node = {"controls": [], "methods": {"boundary_shrink": {}}, "evidence": "all"}
    finals = [s for s in plan_of(**node).steps.values() if s.kind == "final" and s.refusal]
    assert finals
    assert not any(step.evidence for step in finals)
