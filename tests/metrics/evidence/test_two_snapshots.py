"""The two-snapshot attack on models whose leak is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy

from mubench.metrics.evidence.two_snapshots import features, two_snapshots
from mubench.metrics.outputs import Evaluated
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import class_request, drawn, outputs


def snapshot(seed, forget=0.0, retain=0.0, n=500):
    """A model that is so much surer of the labels of D_f and D_r than of unseen ones."""
    parts = []
    for number, extra in enumerate((forget, retain, 0.0)):
        base = drawn(number, n, sharpness=0.0, first_id=10_000 * number)
        rng = np.random.default_rng((seed, number))
        logits = rng.normal(size=(n, 4)) + (1 + extra) * np.eye(4)[base.labels]
        parts.append(outputs(logits, base.labels, base.ids))
    return Evaluated(*parts)


def found(before, after):
    return two_snapshots(ModelContext(after, before=before))


def test_models_that_treat_all_examples_alike_give_chance():
    values = [found(snapshot(k), snapshot(1000 + k)) for k in range(20)]
    for name in ("two_snapshot_auc", "retained_leakage_auc"):
        drawn_values = [each[name] for each in values]
        error = np.std(drawn_values) / np.sqrt(20)
        assert np.mean(drawn_values) == pytest.approx(0.5, abs=3 * error)


def test_what_only_the_earlier_model_gives_away_is_found():
    """The later model forgot D_f to perfection; who saw the earlier one knows."""
    values = found(snapshot(0, forget=4.0), snapshot(1))
    assert values["two_snapshot_auc"] > 0.95
    assert values["retained_leakage_auc"] == pytest.approx(0.5, abs=0.06)


def test_what_is_retained_leaks_apart_from_what_is_forgotten():
    values = found(snapshot(0), snapshot(1, retain=4.0))
    assert values["retained_leakage_auc"] > 0.95
    assert values["two_snapshot_auc"] == pytest.approx(0.5, abs=0.06)


def test_features_are_those_of_scipy():
    one, other = snapshot(1, n=7).forget, snapshot(2, n=7).forget
    p, q = (softmax(side.logits.astype(float), axis=1) for side in (one, other))
    label = (np.arange(7), one.labels)
    expected = np.column_stack(
        [
            np.log(p[label] / (1 - p[label])),
            np.log(q[label] / (1 - q[label])),
            entropy(p, axis=1),
            entropy(q, axis=1),
            jensenshannon(p, q, axis=1) ** 2,
        ]
    )
    np.testing.assert_allclose(features(one, other), expected, atol=1e-5)


def test_a_forgotten_class_is_compared_with_held_out_examples_of_that_class():
    """Here the class is easy, for all models and everywhere: that is no membership."""

    def easy(seed):
        model = snapshot(seed)
        parts = [
            outputs(p.logits + 6 * np.eye(4)[0] * (p.labels == 0)[:, None], p.labels, p.ids)
            for p in (model.forget, model.retain, model.holdout)
        ]
        return class_request(Evaluated(*parts), 0)

    related = ModelContext(easy(1), before=easy(0), forget_classes=(0,))
    assert two_snapshots(related)["two_snapshot_auc"] == pytest.approx(0.5, abs=0.12)


def test_it_says_what_it_lacks():
    with pytest.raises(NoValue, match="no original of the request"):
        two_snapshots(ModelContext(snapshot(0)))
    model = snapshot(0)
    few = replace(model, holdout=model.holdout.at(np.arange(5)))
    values = two_snapshots(ModelContext(few, before=few))
    assert all("too few held-out examples" in str(value) for value in values.values())
