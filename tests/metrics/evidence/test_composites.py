"""LUMA and GUM by hand, on models whose scores are known."""

import math
from dataclasses import replace
from statistics import harmonic_mean

import numpy as np
import pytest
from sklearn.metrics.pairwise import laplacian_kernel

from mubench.metrics.evidence.composites import composites
from mubench.metrics.outputs import Evaluated
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import outputs


def model(forget, holdout):
    """Two classes, label 0: margins on D_f, D_r and the held-out split."""

    def part(margins, first_id):
        margins = np.asarray(margins, float)
        logits = np.stack([margins, np.zeros_like(margins)], axis=1)
        return outputs(logits, np.zeros(len(margins), int), first_id + np.arange(len(margins)))

    return Evaluated(part(forget, 0), part([1.0], 100), part(holdout, 200))


HELD_OUT = [-1.0, 1.0, 2.0, 3.0]
RETRAIN = model([-2.0, 0.5, 1.5, 2.5], HELD_OUT)
ORIGINAL = model([4.0, 5.0, 6.0, 7.0], HELD_OUT)
TARGET = model([-2.0, -0.7, 3.5, 4.5], [-1.0, -0.5, 2.0, 3.0])
"""UA, TA and MIA AUC by hand: 1/4, 3/4, 6/16 of Retrain; 0, 3/4, 1; and 2/4, 2/4, 9/16."""


def context(target=TARGET, seconds=3.0, **values):
    given = {"retrained": RETRAIN, "before": ORIGINAL, "retrained_seconds": 20.0, **values}
    return ModelContext(target, seconds=seconds, **given)


def test_luma_is_that_of_its_authors_code():
    cost = math.log1p(3.0) / math.log1p(20.0)
    utility = laplacian_kernel([[0.75, 0.75]], [[0.5, 0.5]], gamma=4)[0, 0]
    efficacy = laplacian_kernel([[6 / 16]], [[9 / 16]], gamma=4)[0, 0]
    expected = harmonic_mean([utility, efficacy, math.exp(-(cost**3))])
    assert composites(context())["luma"] == pytest.approx(expected, abs=1e-12)


def test_gum_by_hand():
    terms = (1 - 0.25, 1 - (3 / 16) / (10 / 16), 1 - math.log(4.0) / math.log(21.0))
    expected = 3 / sum(1 / term for term in terms)
    assert composites(context())["gum"] == pytest.approx(expected, abs=1e-12)


def test_the_original_has_no_gum_and_neither_has_what_costs_more_than_retrain():
    assert composites(context(ORIGINAL, 0.0))["gum"] == 0.0
    assert composites(context(seconds=20.0))["gum"] == 0.0
    assert composites(context(seconds=90.0))["gum"] == 0.0


def test_retrains_answers_for_nothing_are_one():
    free = composites(context(RETRAIN, 0.0))
    assert free == {"luma": pytest.approx(1.0), "gum": pytest.approx(1.0)}
    paid = composites(context(RETRAIN, 20.0))
    assert paid["luma"] == pytest.approx(harmonic_mean([1, 1, math.exp(-1)]))


def test_it_says_what_it_lacks():
    for related, words in (
        (context(retrained=None), "the Retrain that others are compared with"),
        (context(seconds=None), "no run time"),
        (context(retrained_seconds=0.0), "no run time"),
    ):
        with pytest.raises(NoValue, match=words):
            composites(related)
    assert "no original" in str(composites(context(before=None))["gum"])
    assert "nothing to forget" in str(composites(context(before=RETRAIN))["gum"])
    nothing = replace(TARGET, holdout=replace(TARGET.holdout, labels=np.ones(4, np.int64)))
    with pytest.raises(NoValue, match="no held-out examples like D_f"):
        composites(context(nothing))
