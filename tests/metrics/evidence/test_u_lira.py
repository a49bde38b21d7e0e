"""U-LiRA against models whose confidences are drawn from Gaussians, and against a loop."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from mubench.metrics.evidence.u_lira import gaussian_log_density, held_out_scores, u_lira
from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import with_margins


def context(shift=0.0, models=9, retrains=9, n=20, seed=0, spread=1.0, common=0.0):
    """Unlearned models whose margins lie `shift` above the Retrains', example by example.

    `common` is the spread of what all margins of one model share.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=3, size=n)

    def drawn(around):
        return with_margins(around + rng.normal(scale=spread, size=n) + common * rng.normal())

    unlearned = [drawn(centres + shift) for _ in range(models)]
    others = [drawn(centres) for _ in range(retrains)]
    return ModelContext(unlearned[0], replicates=tuple(unlearned), retrains=tuple(others))


def standard_error(auc, n, m):
    """Of an AUC, by Hanley and McNeil (1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n - 1) * (q1 - auc**2) + (m - 1) * (q2 - auc**2)
    return np.sqrt(variance / (n * m))


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_auc_and_rate_are_the_analytic_ones_with_many_models(shift):
    """N(shift, 1) against N(0, 1): AUC Phi(shift / sqrt 2), TPR Phi(shift - z) at 1 - Phi(z)."""
    n = 400
    found = u_lira(context(shift, models=301, retrains=300, n=n))
    expected = norm.cdf(shift / np.sqrt(2))
    assert found["u_lira_auc"] == pytest.approx(expected, abs=2 * standard_error(expected, n, n))
    for name, level in (("u_lira_tpr_at_1", 0.01), ("u_lira_tpr_at_01", 0.001)):
        rate = norm.cdf(shift - norm.isf(level))
        error = np.sqrt(rate * (1 - rate) / n)
        assert found[name] == pytest.approx(rate, abs=2 * error)
    assert found["u_lira_shadows"] == 299


@pytest.mark.parametrize("common", [0.0, 2.0])
def test_a_target_that_is_like_retrain_gives_chance_with_few_models(common):
    """Without leaving out on both sides, eight models would give far from 0.5."""
    aucs = [
        u_lira(context(0.0, 8, 12, seed=seed, common=common))["u_lira_auc"] for seed in range(300)
    ]
    assert np.mean(aucs) == pytest.approx(0.5, abs=2 * np.std(aucs) / np.sqrt(300))


def test_scores_are_those_of_a_loop():
    related = context(1.0, models=8, retrains=8, n=5)
    phi = [logit_scaled_confidence(m.forget) for m in related.replicates]
    other = [logit_scaled_confidence(m.forget) for m in related.retrains]
    scores = held_out_scores(related, gaussian_log_density)
    expected = {0: [], 1: []}
    for left_out in range(8):
        for side, values in ((0, phi[0]), (1, other[left_out])):
            for x in range(5):
                seen = [p[x] for p in phi[1:]]
                unseen = [p[x] for k, p in enumerate(other) if k != left_out]
                ratio = norm.logpdf(values[x], np.mean(seen), np.std(seen, ddof=1))
                ratio -= norm.logpdf(values[x], np.mean(unseen), np.std(unseen, ddof=1))
                expected[side].append(ratio)
    np.testing.assert_allclose(scores.members.ravel(), expected[0], atol=1e-9)
    np.testing.assert_allclose(scores.others.ravel(), expected[1], atol=1e-9)
    pairs = np.split(np.array([expected[0], expected[1]]), 8, axis=1)
    aucs = [roc_auc_score([1] * 5 + [0] * 5, pair.ravel()) for pair in pairs]
    assert u_lira(related)["u_lira_auc"] == pytest.approx(np.mean(aucs), abs=1e-12)


def test_models_that_agree_to_the_last_bit_give_finite_scores():
    found = u_lira(context(0.5, spread=0.0))
    assert found["u_lira_auc"] == 1.0


def test_it_says_what_it_lacks():
    related = context(models=8, retrains=8)
    assert isinstance(u_lira(related)["u_lira_auc"], float)
    for name in ("u_lira_tpr_at_1", "u_lira_tpr_at_01"):  # 20 examples times 8 Retrains
        assert isinstance(u_lira(related)[name], NoValue)
    assert "fewer than 1000" in str(u_lira(related)["u_lira_tpr_at_1"])
    for fewer in (
        replace(related, replicates=related.replicates[:7]),
        replace(related, retrains=related.retrains[:7]),
    ):
        with pytest.raises(NoValue, match="fewer than 8 models of one forget set on a side"):
            u_lira(fewer)
