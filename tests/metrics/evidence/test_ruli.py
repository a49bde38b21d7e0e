"""RULI's two attacks on models whose confidences are drawn from Gaussians."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.neighbors import KernelDensity

from mubench.metrics.evidence.ruli import kernel_log_density, privacy_scores, ruli
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import with_margins


def context(forget_shift, holdout_shift=0.0, models=60, n=300, seed=0):
    """Retrains around a centre of each example; other models a shift away from it."""
    rng = np.random.default_rng(seed)
    centres = [rng.normal(scale=4, size=n) for _ in range(2)]

    def drawn(*shifts):
        parts = [
            centre + shift + rng.normal(size=n)
            for centre, shift in zip(centres, shifts, strict=True)
        ]
        return with_margins(*parts)

    unlearned = tuple(drawn(forget_shift, holdout_shift) for _ in range(models))
    retrains = tuple(drawn(0.0, 0.0) for _ in range(models))
    return ModelContext(unlearned[0], replicates=unlearned, retrains=retrains)


def test_the_density_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    samples, values = rng.normal(scale=3, size=(7, 4)), rng.normal(size=4)
    expected = [
        KernelDensity(bandwidth=1.0).fit(samples[:, [x]]).score_samples([[values[x]]])[0]
        for x in range(4)
    ]
    np.testing.assert_allclose(kernel_log_density(values, samples), expected, atol=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_both_attacks_have_the_analytic_auc(shift):
    """The score rises with the margin on either side, as the best one does."""
    found, expected = ruli(context(shift)), norm.cdf(shift / np.sqrt(2))
    error = np.sqrt(expected * (1 - expected) / 300)
    assert found["ruli_efficacy_auc"] == pytest.approx(expected, abs=2 * error)
    assert found["ruli_privacy_auc"] == pytest.approx(expected, abs=2 * error)
    rate = norm.cdf(shift - norm.isf(0.01))
    spread = np.sqrt(rate * (1 - rate) / 300)
    assert found["ruli_efficacy_tpr_at_1"] == pytest.approx(rate, abs=2 * spread)
    assert isinstance(found["ruli_privacy_tpr_at_1"], NoValue)  # 300 held-out examples


def test_privacy_scores_are_those_of_a_loop():
    """Each example in units of the Retrains; densities are fitted to the other replicates alone."""
    related = context(1.0, models=8, n=6)

    def units(model, part, x):
        margins = [float(np.diff(getattr(m, part).logits[x])[0]) * -1 for m in related.retrains]
        own = float(np.diff(getattr(model, part).logits[x])[0]) * -1
        return (own - np.mean(margins)) / np.std(margins, ddof=1)

    fits = []
    for part in ("forget", "holdout"):
        shadow = [units(m, part, x) for m in related.replicates[1:] for x in range(6)]
        fits.append((np.mean(shadow), np.std(shadow, ddof=1)))
    for part, found in zip(("forget", "holdout"), privacy_scores(related), strict=True):
        own = np.array([units(related.target, part, x) for x in range(6)])
        expected = norm.logpdf(own, *fits[0]) - norm.logpdf(own, *fits[1])
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_shift_of_all_examples_is_no_leak_of_privacy():
    """Efficacy sees that the model is not Retrain; D_f is not told from what it never saw."""
    found = ruli(context(2.0, 2.0))
    assert found["ruli_efficacy_auc"] > 0.9
    assert found["ruli_privacy_auc"] == pytest.approx(0.5, abs=0.05)


def test_an_inverted_answer_is_found_as_well():
    """D_f answered worse than never seen: a likelihood ratio does not care for the direction."""
    assert ruli(context(-2.0))["ruli_privacy_auc"] > 0.9


def test_it_says_what_it_lacks():
    related = context(0.0, models=8, n=20)
    nothing = [
        replace(m, holdout=m.holdout.at(np.array([], int)))
        for m in (*related.replicates, *related.retrains)
    ]
    empty = replace(
        related, target=nothing[0], replicates=tuple(nothing[:8]), retrains=tuple(nothing[8:])
    )
    assert "no held-out examples like D_f" in str(ruli(empty)["ruli_privacy_auc"])
    assert isinstance(ruli(empty)["ruli_efficacy_auc"], float)
    with pytest.raises(NoValue, match="no held-out examples like D_f"):
        privacy_scores(empty)
    with pytest.raises(NoValue, match="fewer than 8 models"):
        ruli(replace(related, replicates=related.replicates[:5]))
