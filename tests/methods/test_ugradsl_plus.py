"""UGradSL+: special cases bit for bit, its loops, its bank."""

from itertools import chain

import pytest
import torch

from mubench.methods.ft import FT
from mubench.methods.neggrad_plus import NegGradPlus
from mubench.methods.shared.label_smoothing import DegenerateWarning
from mubench.methods.ugradsl_plus import UGradSLPlus
from tests.support.ascents import PLAIN_SGD, assert_equal_bit_for_bit
from tests.support.partial_training import SHORT
from tests.support.toy import blobs, conv, distance, mlp, task_of, weights


def test_with_all_weight_on_retain_the_plus_variant_is_fine_tuning(optimizers):
    assert_equal_bit_for_bit(UGradSLPlus(retain_weight=1.0, **SHORT), FT(**SHORT), optimizers)


@pytest.mark.parametrize("bn_mode", ["train", "eval_frozen"])
def test_without_smoothing_the_plus_variant_is_neggrad_plus(bn_mode, optimizers):
    settings = SHORT | {"retain_weight": 0.8, "bn_mode": bn_mode}
    mixed = UGradSLPlus(alpha=0.0, **settings)
    assert_equal_bit_for_bit(mixed, NegGradPlus(**settings), optimizers)


def test_the_sum_over_unequal_batches_is_the_mean_at_another_retain_weight():
    task, original = task_of(blobs(11, dtype=torch.float64), 3), mlp().double()
    p, size_f, size_r = 0.7, 3, 8  # D_f is smaller than a batch and gives all it has
    settings = PLAIN_SGD | {"batch_size": 8, "alpha": -0.4}
    total = UGradSLPlus(reduction="sum", learning_rate=0.01, retain_weight=p, **settings)
    scale = p * size_r + (1 - p) * size_f
    mean = UGradSLPlus(
        reduction="mean",
        learning_rate=0.01 * scale,
        retain_weight=p * size_r / scale,
        **settings,
    )
    a, b = total.run(original, task), mean.run(original, task)
    assert distance(weights(a.model), weights(b.model)) < 1e-12


def test_ugradsl_plus_passes_over_the_retain_set_and_cycles_the_forget_set(taken):
    task = task_of(blobs(5 + 10), 5)
    found = UGradSLPlus(epochs=1, batch_size=4, learning_rate=1e-3).run(mlp(), task)
    assert [len(ids) for ids in taken["outer"]] == [4, 3, 3]
    assert sorted(chain.from_iterable(taken["outer"])) == list(range(5, 15))
    stream = list(chain.from_iterable(taken["inner"]))
    assert sorted(stream[:5]) == sorted(stream[5:]) == list(range(5))
    assert found.cost.forward_examples == found.cost.backward_examples == 2 * 10


def test_the_plus_variant_renews_its_bank_and_notes_its_rate():
    settings = {"alpha": "adaptive", "adaptive_mapping": "effort", "epochs": 2, "batch_size": 4}
    found = UGradSLPlus(adaptive_bank=5, **settings).run(conv(), task_of(blobs(24), 8))
    assert found.notes["alpha_mean"] < 0
    assert found.cost.forward_examples == 2 * (2 * 16 + 5)


def test_the_plus_variant_warns_where_its_rate_is_nothing():
    method = UGradSLPlus(alpha="adaptive", adaptive_beta=0.0, epochs=1, batch_size=4)
    with pytest.warns(DegenerateWarning, match="almost no retain output lies within"):
        method.run(conv(), task_of(blobs(24), 8))
