"""SalUn: its mask, and RL where every weight is trainable."""

import pytest
import torch
import torch.nn.functional as F

from mubench.errors import InputError
from mubench.methods.rl import RL
from mubench.methods.salun import SalUn, largest
from tests.support.partial_training import PLAIN_SGD, SHORT
from tests.support.toy import CLASSES, blobs, conv, distance, mlp, same, split_of, task_of, weights


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6])
def test_the_mask_takes_exactly_the_largest_and_of_equal_ones_the_first(count):
    values = torch.tensor([3.0, 1.0, 3.0, 0.0, 3.0, 1.0])
    order = [0, 2, 4, 1, 5, 3]
    expected = torch.zeros(6, dtype=torch.bool)
    expected[order[:count]] = True
    assert torch.equal(largest(values, count), expected)


def saliency(model, split):
    """|gradient| of the summed cross-entropy in `eval()` mode, in one batch."""
    batch = split.take(torch.arange(len(split)))
    loss = F.cross_entropy(model.eval()(batch.inputs), batch.labels, reduction="sum")
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([g.flatten() for g in gradients]).abs()


def parameters(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_saliency_is_the_size_of_the_summed_gradient_of_an_evaluating_model():
    task, original = task_of(blobs(600, dtype=torch.float64), 300), conv().double()
    found = SalUn().run_prepare(original, task)
    assert found.value.keys() == {"saliency"}
    expected = saliency(original, task.forget)
    assert torch.allclose(found.value["saliency"], expected, rtol=0, atol=1e-9)
    assert found.cost.forward_examples == found.cost.backward_examples == 300


def test_a_saliency_that_is_not_finite_is_a_divergence_before_any_descent():
    inputs = torch.zeros(6, 1, 4, 4)
    inputs[2] = float("inf")
    task = task_of(split_of(inputs, torch.arange(6) % CLASSES), 4)
    found = SalUn().run(mlp(), task)
    assert (found.status, found.message) == (
        "diverged",
        "the gradient on D_f is not finite; check the inputs",
    )
    assert found.cost.forward_examples == 4
    assert same(weights(found.model), weights(mlp()))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "sam"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.999])
def test_a_strict_mask_moves_the_most_salient_weights_alone(share, optimizer):
    task, original = task_of(blobs(24), 8), mlp()
    settings = {"epochs": 2, "batch_size": 5, "optimizer": optimizer, "learning_rate": 0.01}
    found = SalUn(trainable_share=share, **settings).run(original, task)
    moved = parameters(found.model) != parameters(original)
    order = saliency(original, task.forget).argsort(descending=True, stable=True)
    expected = torch.zeros_like(moved)
    expected[order[: int(share * len(order))]] = True
    assert torch.equal(moved, expected)


def test_without_a_strict_mask_weight_decay_moves_the_masked_weights():
    task, original = task_of(blobs(24, dtype=torch.float64), 8), mlp().double()
    settings = PLAIN_SGD | {"epochs": 2, "batch_size": 5, "learning_rate": 0.1}
    settings |= {"trainable_share": 0.5, "strict_mask": False, "weight_decay": 0.01}
    found = SalUn(**settings).run(original, task)
    mask = largest(saliency(original, task.forget), int(0.5 * len(parameters(original))))
    steps = 2 * 5
    expected = parameters(original) * (1 - 0.1 * 0.01) ** steps
    assert torch.allclose(parameters(found.model)[~mask], expected[~mask], rtol=1e-13, atol=0)
    assert not torch.allclose(parameters(found.model)[mask], expected[mask], rtol=1e-3, atol=0)


def test_without_weight_decay_both_masks_are_the_same():
    task, original = task_of(blobs(24), 8), conv()
    settings = SHORT | {"weight_decay": 0.0}
    strict, leaky = (
        SalUn(strict_mask=mask, **settings).run(original, task) for mask in (True, False)
    )
    assert same(weights(strict.model), weights(leaky.model))
    assert not same(weights(strict.model), weights(original))


@pytest.mark.parametrize("changes", [{}, {"schedule": "sequential", "exclude_true": True}])
@pytest.mark.parametrize("strict_mask", [True, False])
def test_with_every_weight_trainable_it_is_rl_bit_for_bit(strict_mask, changes):
    task, original, settings = task_of(blobs(24), 8), conv(), SHORT | changes
    masked = SalUn(trainable_share=1.0, strict_mask=strict_mask, **settings).run(original, task)
    plain = RL(**settings).run(original, task)
    assert same(weights(masked.model), weights(plain.model))
    assert masked.cost.forward_examples == plain.cost.forward_examples + 8


def test_one_preparation_serves_every_share():
    task, original = task_of(blobs(24), 8), conv()
    prepared = SalUn(trainable_share=0.2).run_prepare(original, task)
    for share in (0.1, 0.9):
        method = SalUn(trainable_share=share, **SHORT)
        shared, alone = method.run(original, task, prepared), method.run(original, task)
        assert same(weights(shared.model), weights(alone.model))
    assert distance(weights(shared.model), weights(original)) > 0


def test_a_share_beyond_all_weights_is_refused():
    with pytest.raises(InputError, match=r"trainable_share: 1.5 is not in \[0, 1\]"):
        SalUn(trainable_share=1.5)
