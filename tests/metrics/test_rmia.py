"""RMIA against its definition and scikit-learn's curve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from mubench.metrics.features import confidence
from mubench.metrics.outputs import Evaluated
from mubench.metrics.related_models import ModelContext, NoValue
from mubench.metrics.rmia import halves, member_scores, ratios, rmia_auc, rmia_tpr_at_1, scores
from tests.support.membership import of_confidences
from tests.support.model_outputs import drawn, model, outputs
from tests.support.property_tests import properties

SHARES = st.lists(st.floats(0.001, 0.999), min_size=2, max_size=12)


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
    related = ModelContext(target, references=references)
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
    members, others = member_scores(ModelContext(target, references=(target,)), a=1.0)
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
    one, other = (rmia_auc(ModelContext(target, references=(each,))) for each in (reference, moved))
    assert one == other


def test_rmia_says_what_it_lacks():
    with pytest.raises(NoValue, match="no other Retrain of the request"):
        rmia_auc(ModelContext(model(1)))
    target = model(1)
    alone = replace(target, holdout=target.holdout.at(np.array([0])))
    with pytest.raises(NoValue, match="too few held-out"):
        rmia_auc(ModelContext(alone, references=(alone,)))
    with pytest.raises(NoValue, match="fewer than 1000 held-out"):
        rmia_tpr_at_1(ModelContext(target, references=(model(2),)))


def test_the_rate_of_found_members_is_that_of_scikit_learns_curve():
    parts = {"forget": drawn(1, 300, sharpness=4.0), "retain": drawn(2, 9, first_id=900)}
    target = Evaluated(**parts, holdout=drawn(3, 2400, first_id=1000))
    flat = replace(target, forget=outputs(np.zeros((300, 4)), target.forget.labels))
    labels = target.holdout.labels
    flat = replace(flat, holdout=outputs(np.zeros((2400, 4)), labels, target.holdout.ids))
    related = ModelContext(target, references=(flat,))
    members, others = member_scores(related)
    truth = [1] * len(members) + [0] * len(others)
    false, true, _ = roc_curve(truth, [*members, *others], drop_intermediate=False)
    assert rmia_tpr_at_1(related) == pytest.approx(true[false <= 0.01].max(), abs=1e-12)
    assert 0 < rmia_tpr_at_1(related) < 1
