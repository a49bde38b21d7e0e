"""The attacker's classifier against scikit-learn's, fold by fold."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mubench.metrics.evidence.classifier import _folds, held_out_auc, logistic_weights


def test_weights_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 4))
    is_member = rng.random(120) < 1 / (1 + np.exp(-rows @ [1.0, -2.0, 0.0, 0.5] - 0.3))
    found = logistic_weights(rows, is_member)
    expected = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(rows, is_member).coef_[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_separable_rows_have_finite_weights():
    rows = np.concatenate([np.full((10, 1), 1.0), np.full((10, 1), -1.0)])
    found = logistic_weights(rows, np.arange(20) < 10)
    expected = LogisticRegression(C=1.0, tol=1e-12).fit(rows, np.arange(20) < 10).coef_[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_auc_is_the_mean_over_folds_of_others_classifiers():
    rng = np.random.default_rng(2)
    members, others = rng.normal(0.7, size=(40, 3)), rng.normal(size=(50, 3))
    ids = (np.arange(40), np.arange(200, 250))
    rows = np.concatenate([members, others])
    rows = (rows - rows.mean(0)) / rows.std(0)
    truth = np.repeat([1, 0], [40, 50])
    folds = np.concatenate([_folds(i) for i in ids])
    assert np.bincount(folds).tolist() == [18] * 5
    aucs = []
    for fold in range(5):
        model = LogisticRegression(tol=1e-12, max_iter=10_000)
        model.fit(rows[folds != fold], truth[folds != fold])
        scores = model.decision_function(rows[folds == fold])
        aucs.append(roc_auc_score(truth[folds == fold], scores))
    assert held_out_auc(members, others, *ids) == pytest.approx(np.mean(aucs), abs=1e-12)


def test_noise_gives_chance_and_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(3)
    draws = [
        held_out_auc(
            rng.normal(size=(60, 5)), rng.normal(size=(60, 5)), *np.arange(120).reshape(2, 60)
        )
        for _ in range(200)
    ]
    assert np.mean(draws) == pytest.approx(0.5, abs=3 * np.std(draws) / np.sqrt(200))
    members, others = rng.normal(1, size=(30, 2)), rng.normal(size=(30, 2))
    ids, moved = np.arange(30), rng.permutation(30)
    one = held_out_auc(members, others, ids, ids)
    other = held_out_auc(members[moved], others, ids[moved], ids)
    assert one == pytest.approx(other, abs=1e-12)
