"""UA and KL by memorisation, where it is known which examples are memorised."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from mubench.metrics.evidence.strata import strata, thirds
from mubench.metrics.outputs import Evaluated
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import outputs

IDS = np.arange(60)
RNG = np.random.default_rng(0)
KIND = RNG.permutation(np.repeat([0, 1, 2], 20))
"""How much each example must be memorised."""


def of_forget(logit, seed=0):
    """A model whose margin for each example of D_f is given by its kind, and some noise."""
    noise = np.random.default_rng(seed).normal(scale=0.1, size=60)
    logits = np.stack([np.asarray(logit, float)[KIND] + noise, np.zeros(60)], axis=1)
    forget = outputs(logits, np.zeros(60, int), IDS)
    return Evaluated(forget, forget, forget)


ORIGINALS = tuple(of_forget([5, 5, 5], seed) for seed in (1, 2))
RETRAINS = tuple(of_forget([5, 0.5, -5], seed) for seed in (3, 4, 5))


def context(target, **values):
    given = {"retrained": RETRAINS[0], "originals": ORIGINALS, "retrains": RETRAINS, **values}
    return ModelContext(target, **given)


def test_the_strata_are_the_kinds():
    found = strata(context(RETRAINS[0]))
    assert [found[f"ua_{name}"] for name in ("low", "middle", "high")] == [0.0, 0.0, 1.0]
    assert strata(context(ORIGINALS[0]))["ua_high"] == 0.0


def test_kl_is_that_of_each_third():
    found = strata(context(of_forget([4, 0, 1], 9)))
    p, q = (
        log_softmax(one.forget.logits.astype(float), axis=1)
        for one in (RETRAINS[0], of_forget([4, 0, 1], 9))
    )
    rows = (np.exp(p) * (p - q)).sum(axis=1)
    for kind, name in enumerate(("low", "middle", "high")):
        assert found[f"kl_{name}"] == pytest.approx(rows[kind == KIND].mean(), abs=1e-6)


def test_thirds_are_equal_and_ties_do_not_follow_the_order_of_ids():
    parts = thirds(np.zeros(61), np.arange(61))
    assert sorted(map(len, parts)) == [20, 20, 21]
    assert sorted(np.concatenate(parts)) == list(range(61))
    assert list(parts[0]) != list(range(21))
    order = np.random.default_rng(1).permutation(61)
    moved = thirds(np.zeros(61), np.arange(61)[order])
    assert [set(order[part]) for part in moved] == [set(part) for part in parts]


def test_it_says_what_it_lacks():
    target = RETRAINS[0]
    for related, words in (
        (context(target, forget_classes=(0,)), "a whole class or group is forgotten"),
        (context(target, is_groupwise=True), "a whole class or group is forgotten"),
        (context(replace(target, forget=target.forget.at(IDS[:29]))), "fewer than 30 examples"),
        (context(target, originals=()), "no original or no other Retrain"),
        (context(target, retrains=()), "no original or no other Retrain"),
    ):
        with pytest.raises(NoValue, match=words):
            strata(related)
    found = strata(context(target, retrained=None))
    assert "the Retrain that others are compared with" in str(found["kl_low"])
    assert found["ua_high"] == 1.0
