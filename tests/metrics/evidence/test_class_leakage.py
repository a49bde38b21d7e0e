"""Attacks on a forgotten class: a perfect Retrain, the original, and the masked logit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from mubench.metrics.evidence.class_leakage import class_leakage, nearest_shares
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import outputs

FORGOTTEN, CLASSES = 3, 6


def part(rng, labels, forgotten_like, first_id, *, knows):
    """Logits of a model; one that does not know class 3 sees it as `forgotten_like`."""
    logits = rng.normal(scale=0.7, size=(len(labels), CLASSES))
    seen = labels != FORGOTTEN
    logits[seen, labels[seen]] += 5
    logits[~seen] += forgotten_like
    logits[:, FORGOTTEN] += 5 * ~seen if knows else -9.0
    return outputs(logits, labels, np.arange(first_id, first_id + len(labels)))


def model(seed, forgotten_like, *, knows):
    rng = np.random.default_rng(seed)
    held_out = np.arange(240) % CLASSES
    retained = held_out[held_out != FORGOTTEN]
    return Evaluated(
        part(rng, np.full(200, FORGOTTEN), forgotten_like, 0, knows=knows),
        part(rng, retained, forgotten_like, 1000, knows=knows),
        part(rng, held_out, forgotten_like, 2000, knows=knows),
    )


AS_RETRAIN = np.array([3.0, 2.0, 0, 0, 0, 0])
"""Retrain takes the class for 0 or 1; who knows it spreads the rest evenly."""
RETRAIN, OTHER = (model(seed, AS_RETRAIN, knows=False) for seed in (1, 2))
ORIGINAL = model(3, np.zeros(CLASSES), knows=True)


def context(target, **values):
    return ModelContext(target, references=(OTHER,), forget_classes=(FORGOTTEN,), **values)


def masked(outputs_):
    logits = outputs_.logits.copy()
    logits[:, FORGOTTEN] = -1e4
    return Outputs(outputs_.ids, outputs_.labels, logits)


def test_a_retrain_is_not_told_from_another_and_the_original_is():
    retrain, original = (class_leakage(context(target)) for target in (RETRAIN, ORIGINAL))
    assert retrain["mia_nn_auc"] == pytest.approx(0.5, abs=0.06)
    assert original["mia_nn_auc"] > 0.9
    assert retrain["label_leakage"] == 1.0
    assert original["label_leakage"] == 0.0


def test_a_masked_logit_has_perfect_ua_and_is_unmasked():
    """Nothing about the other classes changes, and it is they that are looked at."""
    mask = Evaluated(*map(masked, (ORIGINAL.forget, ORIGINAL.retain, ORIGINAL.holdout)))
    assert not (mask.forget.predictions() == FORGOTTEN).any()
    found = class_leakage(context(mask))
    original = class_leakage(context(ORIGINAL))
    assert found["mia_nn_auc"] == pytest.approx(original["mia_nn_auc"], abs=1e-6)
    assert found["label_leakage"] == 1.0


def test_the_shares_are_those_among_the_other_classes():
    one = ORIGINAL.forget
    others = [k for k in range(CLASSES) if k != FORGOTTEN]
    expected = log_softmax(one.logits[:, others].astype(float), axis=1)
    np.testing.assert_allclose(
        nearest_shares(one, np.array([4, 0])), expected[:, [3, 0]], atol=1e-6
    )


def test_it_looks_at_the_three_classes_that_retrain_takes_the_forgotten_one_for():
    """A model that spreads the rest in another way over the classes far off is not found out."""
    rng = np.random.default_rng(7)
    as_retrain = np.array([4.0, 3.5, 3.0, 0, -4, -4])
    far_off = as_retrain + np.array([0, 0, 0, 0, 1.5, -4.0])
    alike, other, retrain = (
        replace(RETRAIN, forget=part(rng, np.full(400, FORGOTTEN), like, 0, knows=False))
        for like in (as_retrain, far_off, as_retrain)
    )
    for target in (alike, other):
        related = ModelContext(target, references=(retrain,), forget_classes=(FORGOTTEN,))
        assert class_leakage(related)["mia_nn_auc"] == pytest.approx(0.5, abs=0.06)


def test_label_leakage_is_a_share_where_two_classes_are_forgotten():
    found = class_leakage(replace(context(RETRAIN), forget_classes=(FORGOTTEN, 0)))
    assert found["label_leakage"] in (0.5, 1.0)
    both = replace(context(RETRAIN), forget_classes=(1, 2))
    assert class_leakage(both)["label_leakage"] in (0.0, 0.5)


def test_it_says_what_it_lacks():
    with pytest.raises(NoValue, match="no whole class or group is forgotten"):
        class_leakage(ModelContext(RETRAIN, references=(OTHER,)))
    alone = class_leakage(replace(context(RETRAIN), references=()))
    assert "no other Retrain of the request" in str(alone["mia_nn_auc"])
    groups = class_leakage(replace(context(RETRAIN), forget_classes=(), is_groupwise=True))
    assert "no class is forgotten" in str(groups["label_leakage"])
    assert isinstance(groups["mia_nn_auc"], float)
    small = replace(RETRAIN, forget=RETRAIN.forget.at(np.arange(9)))
    assert "too few other classes" in str(class_leakage(context(small))["mia_nn_auc"])
