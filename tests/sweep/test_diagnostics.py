"""Diagnostics as a sweep file asks for them, and the ids that they concern."""

import pytest

from mubench.catalogue.ids import content_id, source_id
from mubench.errors import InputError
from mubench.metrics.plugin_metrics import metric_sources
from mubench.sweep import load, step_ids
from mubench.sweep.planner import make_plan
from mubench.sweep.step_ids import sources_of
from tests.support.diagnostics import BOTH, LDP
from tests.support.small_sweep import SWEEP, changed

BAD = {
    "unknown diagnostic": ({"theorem3": {}}, "theorem3: unknown key; did you mean 'theorem2'?"),
    "unknown setting": (
        {"theorem2": {"dampng": 0.1}},
        "theorem2.dampng: unknown key; did you mean 'damping'?",
    ),
    "no damping": ({"theorem2": {"damping": 0}}, "theorem2.damping: must be above 0.0; got 0"),
    "no examples": ({"theorem2": {"subset": 0}}, "theorem2.subset: must be at least 1; got 0"),
    "unknown preconditioner": (
        {"theorem2": {"preconditioner": "fisher"}},
        "theorem2.preconditioner: 'gauss_newton' or 'identity' is needed; got 'fisher'",
    ),
    "a list": ({"theorem2": [0.1]}, "theorem2: a mapping is needed; got [0.1]"),
    "true": ({"theorem2": True}, "theorem2: a mapping is needed; got True"),
    "no weights": ({"label_ldp": None}, "label_ldp.gamma1: missing"),
    "one weight": ({"label_ldp": {"gamma1": 1.3}}, "label_ldp.gamma2: missing"),
    "a weight of 0": (
        {"label_ldp": {"gamma1": 1.3, "gamma2": 0}},
        "label_ldp.gamma2: must be above 0.0; got 0",
    ),
    "equal weights": (
        {"label_ldp": {"gamma1": 1, "gamma2": 1}},
        "label_ldp.gamma1 must be above gamma2, got 1 and 1; "
        "otherwise no smoothing rate has an epsilon",
    ),
}


@pytest.mark.parametrize(("node", "message"), BAD.values(), ids=list(BAD))
def test_a_mistake_is_one_line_that_says_where(node, message):
    with pytest.raises(InputError) as caught:
        load.parse(changed(SWEEP, diagnostics=node), "x")
    assert str(caught.value) == f"x: diagnostics.{message}"


def test_label_ldp_needs_a_method_with_a_smoothing_rate():
    node = changed(SWEEP, diagnostics={"label_ldp": LDP}, methods={"ft": {}})
    with pytest.raises(InputError, match=r"diagnostics\.label_ldp: none of these methods has"):
        load.parse(node, "x")
    assert load.parse(changed(node, diagnostics={"theorem2": {}}), "x")


def test_a_bare_key_asks_with_the_usual_settings():
    bare, empty = (load.parse(changed(SWEEP, diagnostics={"theorem2": v}), "x") for v in (None, {}))
    assert bare == empty
    assert bare.diagnostics.theorem2.model_dump() == {
        "preconditioner": "gauss_newton",
        "damping": 0.01,
        "subset": 2048,
        "iterations": 50,
    }
    assert bare.diagnostics.label_ldp is None


def plan_of(**diagnostics):
    return make_plan(load.parse(changed(SWEEP, diagnostics=diagnostics), "x"))


def moved(before, after):
    """Rows of the steps whose ids differ; outputs never move."""
    pairs = list(zip(before.steps.values(), after.steps.values(), strict=True))
    assert [a.unlearn_id for a, _ in pairs] == [b.unlearn_id for _, b in pairs]
    return {(b.kind, b.method) for a, b in pairs if a.id != b.id}


def test_only_the_steps_that_a_diagnostic_concerns_get_other_ids():
    without = make_plan(load.parse(SWEEP, "x"))
    assert without.steps == plan_of().steps
    for step in without.steps.values():  # what they are made of where nothing is asked for
        if step.kind == "final":
            scoring = source_id("mubench.metrics.score:score", *metric_sources())
            assert step.id == content_id(step.unlearn_id, step.retrain_id, scoring)
    assert moved(without, plan_of(theorem2={})) == {("final", "original")}
    assert moved(without, plan_of(label_ldp=LDP)) == {("final", "ugradsl")}
    assert moved(without, plan_of(**BOTH)) == {("final", "original"), ("final", "ugradsl")}


def test_settings_and_source_of_a_diagnostic_are_in_the_ids(monkeypatch):
    before = plan_of(**BOTH)
    other = {"theorem2": BOTH["theorem2"] | {"damping": 0.02}, "label_ldp": LDP}
    assert moved(before, plan_of(**other)) == {("final", "original")}
    other = {"theorem2": BOTH["theorem2"], "label_ldp": LDP | {"gamma1": 1.4}}
    assert moved(before, plan_of(**other)) == {("final", "ugradsl")}
    sources = {
        "mubench.methods.shared.theorem2:diagnose",
        "mubench.metrics.theory:label_ldp_epsilon",
    }
    assert sources <= set(sources_of(before.steps.values()))
    assert not sources & set(sources_of(plan_of().steps.values()))
    real = step_ids.source_id
    for source, row in zip(sorted(sources), ("original", "ugradsl"), strict=True):
        monkeypatch.setattr(
            step_ids, "source_id", lambda *m, at=source: real(*m) + "changed" * (at in m)
        )
        assert moved(before, plan_of(**BOTH)) == {("final", row)}
