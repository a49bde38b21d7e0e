"""Membership attacks, against scikit-learn, values by hand, and models whose answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.svm import SVC

from mubench.metrics.features import confidence
from mubench.metrics.membership import area_under_curve, mia_auc, mia_svc, true_positive_rate
from mubench.metrics.outputs import Evaluated
from mubench.metrics.related_models import NoValue
from mubench.metrics.score import score
from tests.support.membership import of_confidences, outputs, shuffled
from tests.support.property_tests import properties


def sides(forget, retain, holdout):
    return (
        of_confidences(forget),
        of_confidences(retain, first_id=100_000),
        of_confidences(holdout, first_id=200_000),
    )


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_svc_calls_forgotten_examples_what_they_look_like():
    """41."""
    rng = np.random.default_rng(0)

    def near(value, n=1_000):
        return value + 1e-3 * rng.uniform(-1, 1, n)

    for value, efficacy in ((0.5, 1.0), (0.99, 0.0)):
        attack = mia_svc(*sides(near(value, 300), near(0.99), near(0.5)))
        assert (attack.efficacy, attack.attack_accuracy) == (efficacy, 1.0)
        assert not attack.is_uninformative


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_svc_is_flagged_where_members_look_like_everyone_else(seed):
    """41, n = 1,500 a side."""
    rng = np.random.default_rng(seed)
    parts = sides(rng.beta(5, 1, 400), rng.beta(5, 1, 1_500), rng.beta(5, 1, 1_500))
    attack = mia_svc(*parts)
    assert 0.45 <= attack.attack_accuracy <= 0.55
    assert attack.is_uninformative
    assert "uninformative attack" in score(Evaluated(*parts)).flags
    apart = sides(rng.beta(5, 1, 400), rng.beta(20, 1, 1_500), rng.beta(2, 1, 1_500))
    assert "uninformative attack" not in score(Evaluated(*apart)).flags


@pytest.mark.parametrize("seed", [5, 12, 34])
def test_svc_on_few_examples_is_above_chance_by_luck_and_flagged_all_the_same(seed):
    """Thirty a side of one distribution; a band around 0.5 would call it informative."""
    rng = np.random.default_rng(seed)
    attack = mia_svc(*sides(rng.beta(5, 1, 50), rng.beta(5, 1, 30), rng.beta(5, 1, 30)))
    assert attack.attack_accuracy > 0.55
    assert attack.is_uninformative
    assert not attack.is_inverted


def test_members_that_are_less_sure_than_others_invert_the_attack():
    """A fifth of the members' labels are wrong; non-members' are right."""
    rng = np.random.default_rng(5)
    sure = rng.beta(20, 1, 1_000)
    members = np.where(np.arange(1_000) < 200, 0.01, sure)
    parts = sides(rng.beta(20, 1, 300), members, rng.beta(20, 1, 1_000))
    attack = mia_svc(*parts)
    assert attack.is_inverted
    assert "inverted attack" in score(Evaluated(*parts)).flags
    assert not mia_svc(*sides(rng.beta(20, 1, 300), sure, members)).is_inverted
    statistic = ks_2samp(members, confidence(parts[2])).pvalue
    assert attack.difference_p == pytest.approx(statistic, rel=1e-2, abs=1e-12)


FIXTURES = {
    "memorised": lambda r, n: (r.normal(7, 3.5, n // 2), r.normal(9, 2, n), r.normal(6, 4, n)),
    "mild": lambda r, n: (r.normal(2.5, 2, n // 2), r.normal(3, 2, n), r.normal(2, 2, n)),
    "crowded": lambda r, n: (r.normal(8, 1.6, n // 2), r.normal(9, 1, n), r.normal(7, 2, n)),
    "saturated": lambda r, n: (r.normal(30, 15, n // 2), r.normal(60, 9, n), r.normal(12, 9, n)),
}


@pytest.mark.parametrize("name", list(FIXTURES))
def test_grouped_svc_agrees_with_scikit_learn_on_single_examples(name):
    """Within 0.005 of the field's attack, fitted on every example as it is."""
    n = 1_500
    log_odds = FIXTURES[name](np.random.default_rng(5), n)
    forget, retain, holdout = (
        outputs(np.stack([z, np.zeros_like(z)], axis=1), [0] * len(z), first_id=100_000 * number)
        for number, z in enumerate(log_odds)
    )
    q_f, q_r, q_h = (
        sigmoid(part.logits[:, 0].astype(np.float64)) for part in (forget, retain, holdout)
    )
    reference = SVC(C=3, gamma="auto", kernel="rbf")
    reference.fit(np.concatenate([q_r, q_h])[:, None], np.repeat([1, 0], n))
    negatives = (reference.predict(q_f[:, None]) == 0).mean()
    hits = reference.predict(q_r[:, None]).mean() + 1 - reference.predict(q_h[:, None]).mean()
    attack = mia_svc(forget, retain, holdout)
    assert attack.efficacy == pytest.approx(negatives, abs=0.005)
    assert attack.attack_accuracy == pytest.approx(hits / 2, abs=0.005)


def test_svc_learns_from_equally_many_of_both_sides():
    """Ten times more members would drag an unbalanced attack towards calling everyone a member."""
    rng = np.random.default_rng(3)
    forget, holdout = rng.beta(4, 2, 500), rng.beta(3, 2, 500)
    retain = rng.beta(5, 2, 5_000)
    unequal = mia_svc(*sides(forget, retain, holdout))
    assert 0.2 < unequal.efficacy < 0.8
    flipped = mia_svc(*sides(forget, retain[:400], np.tile(holdout, 10)))
    assert 0.2 < flipped.efficacy < 0.8


def test_svc_does_not_take_the_first_retained_examples():
    """The first 500 of 5,000 are unlike the rest: a fixed shuffle sees mostly the rest."""
    rng = np.random.default_rng(4)
    retain = np.concatenate([rng.uniform(0.4, 0.5, 500), rng.uniform(0.98, 0.99, 4_500)])
    attack = mia_svc(*sides(np.full(50, 0.985), retain, rng.uniform(0.4, 0.6, 500)))
    assert attack.efficacy == 0
    assert attack.attack_accuracy > 0.9


@properties
@given(st.integers(0, 10**6))
def test_attacks_ignore_the_order_of_examples(seed):
    rng = np.random.default_rng(8)
    parts = sides(rng.beta(4, 2, 50), rng.beta(5, 2, 200), rng.beta(3, 2, 120))
    order = np.random.default_rng(seed)
    mixed = [shuffled(part, order) for part in parts]
    before, after = mia_svc(*parts), mia_svc(*mixed)
    assert after.efficacy == pytest.approx(before.efficacy, abs=1e-12)
    assert after.attack_accuracy == pytest.approx(before.attack_accuracy, abs=1e-12)
    assert mia_auc(mixed[0], mixed[2]) == mia_auc(parts[0], parts[2])


def test_svc_of_one_single_confidence_knows_nothing():
    same = np.full(40, 0.75)
    attack = mia_svc(*sides(same, same, same))
    assert attack.efficacy in (0, 1)
    assert attack.is_uninformative


def test_svc_refuses_an_empty_side():
    some, none = np.full(5, 0.6), np.zeros(0)
    for parts in ((none, some, some), (some, none, some), (some, some, none)):
        with pytest.raises(ValueError, match="on every side"):
            mia_svc(*sides(*parts))


@properties
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=30),
    st.lists(st.integers(0, 5), min_size=1, max_size=30),
)
def test_area_under_curve_matches_scikit_learn_with_ties(positives, negatives):
    truth = np.repeat([1, 0], [len(positives), len(negatives)])
    expected = roc_auc_score(truth, positives + negatives)
    found = area_under_curve(np.array(positives, float), np.array(negatives, float))
    assert found == pytest.approx(expected, abs=1e-12)


def test_auc_is_one_where_every_member_is_surer_and_zero_where_none_is():
    sure, unsure = of_confidences(np.full(9, 0.9)), of_confidences(np.full(9, 0.6), 100)
    assert mia_auc(sure, unsure) == 1
    assert mia_auc(unsure, sure) == 0
    assert mia_auc(sure, of_confidences(np.full(9, 0.9), 100)) == 0.5


def test_auc_matches_that_of_the_loss_where_classes_are_balanced():
    rng = np.random.default_rng(6)
    labels = np.tile(np.arange(3), 40)
    forget = outputs(rng.normal(size=(120, 3)) + np.eye(3)[labels], labels)
    holdout = outputs(rng.normal(size=(120, 3)), labels, first_id=1000)

    def cross_entropy(part):
        q = np.exp(part.logits.astype(float))
        return -np.log((q / q.sum(1, keepdims=True))[np.arange(len(part)), part.labels])

    losses = np.concatenate([-cross_entropy(forget), -cross_entropy(holdout)])
    expected = roc_auc_score(np.repeat([1, 0], 120), losses)
    assert mia_auc(forget, holdout) == pytest.approx(expected, abs=1e-12)


def test_an_easy_class_is_not_taken_for_membership():
    """D_f is mostly the easy class, the held-out split mostly the hard one; nobody was fitted."""
    rng = np.random.default_rng(7)

    def drawn(easy, hard, first_id):
        labels = np.repeat([0, 1], [easy, hard])
        logits = rng.normal(size=(easy + hard, 2)) + np.where(labels == 0, 6, 0)[:, None] * [1, 0]
        return outputs(logits, labels, first_id)

    forget, holdout = drawn(900, 100, 0), drawn(100, 900, 10_000)
    assert mia_auc(forget, holdout) == pytest.approx(0.5, abs=0.12)
    unmatched = area_under_curve(confidence(forget), confidence(holdout))
    assert unmatched > 0.85


def test_auc_of_a_forgotten_class_uses_the_held_out_examples_of_that_class():
    labels = np.repeat([0, 1], 20)
    held_out = outputs(np.where(labels[:, None] == 0, [2.0, 0.0], [50.0, 0.0]), labels)
    forget = outputs(np.tile([3.0, 0.0], (10, 1)), [0] * 10, first_id=100)
    assert mia_auc(forget, held_out) == 1
    assert mia_auc(forget, held_out.without_classes([0])) is None


def spread(n, m):
    """Three standard deviations of the AUC where both samples come from one distribution."""
    return 3 * math.sqrt((n + m + 1) / (12 * n * m))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_model_that_never_saw_data_recognises_nobody(seed):
    """42: a random linear model, and the same with the membership labels permuted."""
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(2_000, 20)), np.tile(np.arange(4), 500)
    logits = x @ rng.normal(size=(20, 4))
    for order in (np.arange(2_000), rng.permutation(2_000)):
        everyone = outputs(logits[order], labels[order])
        rows = np.arange(2_000)
        forget, holdout = everyone.where(rows < 800), everyone.where(rows >= 800)
        assert mia_auc(forget, holdout) == pytest.approx(0.5, abs=spread(780, 780))


def kernel_model(x_train, y_train, num_classes):
    """Kernel interpolation: fits any labels of its training set exactly, by one linear solve."""

    def kernel(one, other):
        squares = (one**2).sum(1)[:, None] - 2 * one @ other.T + (other**2).sum(1)
        return np.exp(-squares / 20)

    centred = np.eye(num_classes)[y_train] - 1 / num_classes
    weights = np.linalg.solve(kernel(x_train, x_train) + 1e-8 * np.eye(len(x_train)), centred)
    return lambda x: 8 * kernel(x, x_train) @ weights


def test_a_memorising_model_gives_its_members_away_and_retrain_does_not():
    """43: labels are random, so that nothing but memory explains a right answer."""
    rng = np.random.default_rng(11)
    x, labels = rng.normal(size=(1_200, 15)), rng.integers(0, 4, 1_200)
    forget, train, held_out = slice(0, 300), slice(0, 700), slice(700, 1_200)
    original = kernel_model(x[train], labels[train], 4)
    retrained = kernel_model(x[300:700], labels[300:700], 4)

    def auc(model, part):
        members = outputs(model(x[part]), labels[part])
        return mia_auc(members, outputs(model(x[held_out]), labels[held_out], first_id=10_000))

    assert auc(original, train) > 0.95
    assert auc(original, forget) > 0.95
    assert auc(retrained, forget) == pytest.approx(0.5, abs=spread(290, 290))


def test_wrong_labels_of_members_invert_no_attack():
    """A quarter of D_tr is labelled wrongly, and of the non-members alike: no sign of membership.

    Their true labels would make a model that never saw D_f seem surer of non-members.
    """
    rng = np.random.default_rng(3)
    true = rng.integers(0, 4, 3_000)
    logits = 3 * np.eye(4)[true] + rng.normal(size=(3_000, 4))
    noisy = np.where(rng.random(3_000) < 0.25, (true + 1) % 4, true)
    forget = outputs(logits[:1_000], noisy[:1_000])
    holdout = outputs(logits[1_000:], true[1_000:], first_id=1_000)
    assert mia_auc(forget, holdout) < 0.42
    model = Evaluated(forget, forget, replace(holdout, noisy_labels=noisy[1_000:]))
    values = score(model).values
    assert values["mia_auc"] == pytest.approx(0.5, abs=spread(950, 950))
    assert values["ta"] == np.mean(logits[1_000:].argmax(1) == true[1_000:])


def test_the_true_positive_rate_is_that_of_scikit_learns_curve():
    rng = np.random.default_rng(0)
    members, others = rng.normal(1.5, size=300).round(1), rng.normal(size=10_000).round(1)
    truth = [1] * 300 + [0] * 10_000
    false, true, _ = roc_curve(truth, [*members, *others], drop_intermediate=False)
    for rate in (0.01, 0.001):
        expected = true[false <= rate].max()
        assert true_positive_rate(members, others, rate) == pytest.approx(expected, abs=1e-12)
    assert true_positive_rate(members, others[:1000], 0.01) > 0
    with pytest.raises(NoValue, match="fewer than 1000 held-out non-members"):
        true_positive_rate(members, others[:999], 0.01)
    with pytest.raises(NoValue, match="fewer than 10000"):
        true_positive_rate(members, others[:9999], 0.001)
