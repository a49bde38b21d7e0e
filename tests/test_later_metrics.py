"""Metrics that come later, against values by hand, loops, and scikit-learn."""

import math
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import roc_auc_score, roc_curve
from test_membership import of_confidences
from test_metrics import class_request, drawn, model, outputs

from mubench.catalogue import ids
from mubench.metrics import distances
from mubench.metrics.by_example import js_by_example
from mubench.metrics.calibration import BINS, ece_holdout, expected_calibration_error
from mubench.metrics.features import confidence, logit_scaled_confidence
from mubench.metrics.info import METRICS
from mubench.metrics.klom import FEWEST, divergences, klom
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.post_hoc import LATER, all_metrics
from mubench.metrics.related_models import NoValue, Related
from mubench.metrics.rmia import halves, member_scores, ratios, rmia_auc, rmia_tpr_at_1, scores
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.step_ids import sources_of

properties = settings(derandomize=True, deadline=None, max_examples=40)
SHARES = st.lists(st.floats(0.001, 0.999), min_size=2, max_size=12)


def in_groups(evaluated, groups):
    """The same outputs, each example in the group of its id modulo `groups`."""
    parts = (evaluated.forget, evaluated.retain, evaluated.holdout)
    return Evaluated(*(Outputs(p.ids, p.labels, p.logits, p.ids % groups) for p in parts))


# what ids cover


def test_later_metrics_are_in_no_id(monkeypatch):
    """Their source may change, and a finished sweep stays finished."""
    sweep = load.load("quickstart").spec
    plan = make_plan(sweep)
    later = {
        "mubench.metrics.post_hoc",
        "mubench.metrics.related_models",
        "mubench.metrics.by_example",
    }
    later |= {metric.source.partition(":")[0] for metric in LATER.values()}
    assert {"mubench.metrics.rmia", "mubench.metrics.klom"} < later
    roots = sources_of(plan.steps.values())
    assert not later & {used.module for used in ids.closure(*roots)}
    whole = ids._source

    def changed(names):
        monkeypatch.setattr(ids, "_source", lambda n: whole(n) + "\nprint()\n" * (n in names))
        ids._digest.cache_clear()
        return make_plan(sweep).steps.keys()

    assert changed(later) == plan.steps.keys()
    assert changed({"mubench.metrics.score"}) != plan.steps.keys()


def test_every_later_metric_says_what_it_is_and_hides_none():
    known = all_metrics()
    assert not LATER.keys() & METRICS.keys()
    assert [*METRICS, *LATER] == list(known)
    for name, metric in LATER.items():
        assert (name, known[name]) == (metric.info.name, metric.info)
        assert metric.info.description.endswith(".")
        module, _, function = metric.source.partition(":")
        assert callable(getattr(import_module(module), function))
        assert function == name
    assert str(FEWEST) in known["klom"].description


# what is held out


def test_what_ta_counts_and_what_is_like_the_forgotten():
    whole = Related(model(1))
    assert whole.kept().ids.tolist() == whole.alike().ids.tolist() == model(1).holdout.ids.tolist()
    classwise = Related(class_request(model(1), 2), forget_classes=(2,))
    assert set(classwise.alike().labels) == {2}
    assert len(classwise.alike()) + len(classwise.kept()) == 80
    some = in_groups(model(1), 3)
    of_one = replace(some, forget=some.forget.of_groups([1]))
    groupwise = Related(of_one, is_groupwise=True)
    assert groupwise.forget_groups == (1,)
    assert set(groupwise.alike().groups) == {1}
    assert set(groupwise.kept().groups) == {0, 2}
    assert Related(of_one).forget_groups == ()
    assert set(Related(of_one).kept().groups) == {0, 1, 2}


# RMIA


def loop_scores(target, references, a, examples, population):
    """The definition, example by example."""

    def ratio(part, at):
        own = confidence(getattr(target, part))[at]
        others = [confidence(getattr(model, part))[at] for model in references]
        return own / (0.5 * ((1 + a) * sum(others) / len(others) + (1 - a)))

    against = [ratio("holdout", z) for z in population]
    return [
        sum(ratio(part, x) / z > 1 for z in against) / len(against)
        for part, positions in examples
        for x in positions
    ]


def test_scores_and_auc_are_those_of_the_definition():
    target, references = model(1), (model(2), model(3))
    related = Related(target, references=references)
    population, others = halves(target.holdout.ids)
    examples = [("forget", range(40)), ("holdout", others)]
    expected = loop_scores(target, references, 0.3, examples, population)
    found = np.concatenate(member_scores(related))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    auc = roc_auc_score([1] * 40 + [0] * len(others), expected)
    assert rmia_auc(related) == pytest.approx(auc, abs=1e-12)


def test_a_target_that_is_its_own_reference_scores_nothing():
    """44: with a = 1 all ratios are 1, and no ratio is larger than another."""
    target = model(4)
    members, others = member_scores(Related(target, references=(target,)), a=1.0)
    assert not members.any()
    assert not others.any()


@properties
@given(SHARES, SHARES, st.floats(1.1, 5.0))
def test_scores_rise_with_the_ratio(examples, population, factor):
    """44: and scaled above all of the population, they are 1."""
    ordered = scores(np.sort(examples), np.array(population))
    assert np.all(np.diff(ordered) >= 0)
    above = np.array(examples) * factor * max(population) / min(examples)
    assert np.all(scores(above, np.array(population)) == 1)


@properties
@given(SHARES)
def test_ratios_rise_with_the_confidence(values):
    reference = of_confidences([0.5] * len(values))
    found = ratios(of_confidences(np.sort(values)), [reference])
    assert np.all(np.diff(found) >= 0)
    np.testing.assert_allclose(found, np.sort(values) / 0.675, rtol=1e-5)


def test_a_reference_that_is_sure_of_the_contrary_does_not_divide_by_zero():
    nothing = outputs([[-800.0, 0.0]], [0])
    assert ratios(nothing, [nothing], a=1.0).tolist() == [0.0]


def test_halves_share_no_example_and_depend_on_no_order():
    examples = np.arange(1000, 1101)
    first, second = halves(examples)
    assert (len(first), len(second)) == (50, 51)
    assert sorted([*first, *second]) == list(range(101))
    order = np.random.default_rng(0).permutation(101)
    again, _ = halves(examples[order])
    assert examples[order][again].tolist() == examples[first].tolist()


def test_rmia_ignores_the_order_in_which_models_were_asked():
    target, reference = model(1), model(2)
    rng = np.random.default_rng(0)
    parts = (reference.forget, reference.retain, reference.holdout)
    moved = Evaluated(*(part.at(rng.permutation(len(part))) for part in parts))
    one, other = (rmia_auc(Related(target, references=(each,))) for each in (reference, moved))
    assert one == other


def test_rmia_says_what_it_lacks():
    with pytest.raises(NoValue, match="no other Retrain of the request"):
        rmia_auc(Related(model(1)))
    target = model(1)
    alone = replace(target, holdout=target.holdout.at(np.array([0])))
    with pytest.raises(NoValue, match="too few held-out"):
        rmia_auc(Related(alone, references=(alone,)))
    with pytest.raises(NoValue, match="fewer than 1000 held-out"):
        rmia_tpr_at_1(Related(target, references=(model(2),)))


def test_the_rate_of_found_members_is_that_of_scikit_learns_curve():
    parts = {"forget": drawn(1, 300, sharpness=4.0), "retain": drawn(2, 9, first_id=900)}
    target = Evaluated(**parts, holdout=drawn(3, 2400, first_id=1000))
    flat = replace(target, forget=outputs(np.zeros((300, 4)), target.forget.labels))
    labels = target.holdout.labels
    flat = replace(flat, holdout=outputs(np.zeros((2400, 4)), labels, target.holdout.ids))
    related = Related(target, references=(flat,))
    members, others = member_scores(related)
    truth = [1] * len(members) + [0] * len(others)
    false, true, _ = roc_curve(truth, [*members, *others], drop_intermediate=False)
    assert rmia_tpr_at_1(related) == pytest.approx(true[false <= 0.01].max(), abs=1e-12)
    assert 0 < rmia_tpr_at_1(related) < 1


# calibration


def test_calibration_error_is_that_of_a_loop():
    part = drawn(5, 400, sharpness=1.0)
    q = np.exp(part.logits.astype(float))
    q /= q.sum(axis=1, keepdims=True)
    expected = 0.0
    for b in range(15):
        inside = [i for i in range(400) if b / 15 < q[i].max() <= (b + 1) / 15]
        if inside:
            right = sum(q[i].argmax() == part.labels[i] for i in inside) / len(inside)
            sure = sum(q[i].max() for i in inside) / len(inside)
            expected += len(inside) / 400 * abs(right - sure)
    assert BINS == 15
    assert expected_calibration_error(part) == pytest.approx(expected, abs=1e-12)
    assert expected > 0.04


def test_calibration_error_by_hand():
    sure_and_wrong = outputs([[100.0, 0.0], [100.0, 0.0]], [1, 0])
    assert expected_calibration_error(sure_and_wrong) == pytest.approx(0.5)
    undecided = outputs([[0.0, 0.0], [0.0, 0.0]], [1, 0])
    assert expected_calibration_error(undecided) == pytest.approx(0.0)
    with pytest.raises(NoValue):
        expected_calibration_error(drawn(1).of_classes([]))


def test_calibration_on_held_out_examples_leaves_out_what_is_forgotten_whole():
    target = class_request(model(1), 2)
    found = ece_holdout(Related(target, forget_classes=(2,)))
    assert found == expected_calibration_error(target.holdout.without_classes([2]))
    assert found != expected_calibration_error(target.holdout)


# KLOM


def test_klom_of_equal_sides_is_zero():
    """47."""
    margins = np.random.default_rng(0).normal(size=(9, 30))
    assert not divergences(margins, margins).any()
    assert not divergences(np.ones((4, 3)), np.ones((7, 3))).any()


def test_klom_by_hand():
    """Four models against two; 20 bins of [0, 1] are 0.05 wide."""
    unlearned = np.array([[0.0], [0.01], [0.5], [1.0]])
    oracles = np.array([[0.02], [1.0]])
    expected = 0.5 * math.log(0.5 / 0.5) + 0.25 * math.log(0.25 / 1e-5)
    expected += 0.25 * math.log(0.25 / 0.5)  # the largest margin counts: bug B16 drops it
    np.testing.assert_allclose(divergences(unlearned, oracles), [expected], rtol=1e-12)


def test_margins_beyond_a_hundred_are_clipped():
    near = np.array([[-100.0], [0.0], [100.0]])
    far = np.array([[-9e9], [0.0], [3e7]])
    assert not divergences(near, far).any()


def test_klom_is_the_mean_over_the_forget_set_of_a_loop():
    siblings = [model(seed) for seed in range(9)]
    oracles = [model(seed, sharpness=1.0) for seed in range(20, 30)]
    total = 0.0
    for example in range(40):
        sides = [
            [float(logit_scaled_confidence(m.forget)[example]) for m in models]
            for models in (siblings, oracles)
        ]
        joint = (min(map(min, sides)), max(map(max, sides)))
        p, q = (np.histogram(side, 20, joint)[0] / len(side) for side in sides)
        total += sum(a * math.log(a / max(b, 1e-5)) for a, b in zip(p, q, strict=True) if a)
    related = Related(siblings[0], siblings=tuple(siblings), oracles=tuple(oracles))
    assert klom(related) == pytest.approx(total / 40, rel=1e-9)
    with pytest.raises(NoValue, match="fewer than 8 models of one forget set on a side"):
        klom(replace(related, siblings=tuple(siblings[:7])))


def test_margins_are_log_odds_of_the_label():
    """47."""
    part = drawn(3)
    q = confidence(part)
    np.testing.assert_allclose(logit_scaled_confidence(part), np.log(q / (1 - q)), atol=1e-10)


# single examples


def test_divergences_of_examples_are_scipys_and_their_mean_the_metric():
    one, other = drawn(1), drawn(1, sharpness=5.0)
    other = other.at(np.random.default_rng(0).permutation(60))
    found = js_by_example(one, other)
    p, q = np.exp(one.of_ids(other.ids).log_probabilities()), np.exp(other.log_probabilities())
    np.testing.assert_allclose(found, jensenshannon(p, q, axis=1) ** 2, atol=1e-9)
    assert found.mean() == pytest.approx(distances.js(one, other), abs=1e-12)
    assert not js_by_example(one, one).any()
