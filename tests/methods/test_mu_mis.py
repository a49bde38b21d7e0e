"""MU-Mis: sensitivities, steps by hand, and its end."""

import numpy as np
import pytest
import torch
from torch import nn

from mubench.errors import InputError, Refused
from mubench.methods.mu_mis import MUMis, sensitivity
from tests.support.distillation import PLAIN_SGD, double_task, numbers
from tests.support.toy import CLASSES, Net, conv, mlp, seeded, softmax_regression, task_of, tokens

SETTINGS = PLAIN_SGD | {"batch_size": 100, "learning_rate": 0.05}


def test_the_sensitivity_is_the_squared_norm_of_the_slope_of_one_logit():
    """By central differences, input by input."""
    model, x = mlp().double(), torch.randn(4, 1, 4, 4, dtype=torch.float64)
    classes = torch.tensor([0, 2, 1, 2])
    inputs = x.clone().requires_grad_()
    found = sensitivity(model(inputs), classes, inputs)
    step = 1e-5
    for i, k in enumerate(classes.tolist()):
        squares = 0.0
        for place in range(16):
            shift = torch.zeros(16, dtype=torch.float64)
            shift[place] = step
            shift = shift.view(1, 4, 4)
            with torch.no_grad():
                above, below = model((x[i] + shift)[None]), model((x[i] - shift)[None])
            squares += ((above - below)[0, k].item() / (2 * step)) ** 2
        assert found[i].item() == pytest.approx(squares, rel=1e-6)


def drawn(task, n):
    """What is added to labels for the other class, epoch after epoch."""
    classes = task.generator("classes")
    while True:
        yield torch.randint(1, CLASSES, (n,), generator=classes).numpy()


def test_steps_on_a_linear_model_are_those_coded_by_hand():
    """The slope of z_k is row k of W, so that the loss is |W_y|^2 - |W_k|^2."""
    task, original = double_task(30, 7), softmax_regression(16)
    found = MUMis(epochs=3, recovery=1e9, **SETTINGS).run(original, task)
    W, b = numbers(original.classifier)
    W, further = W.copy(), drawn(task, 7)
    for ids in orders(task, 3):
        y = task.forget.labels[ids].numpy()
        others = (y + next(further)) % CLASSES
        gradient = np.zeros_like(W)
        for own, other in zip(y, others, strict=True):
            gradient[own] += 2 * W[own] / 7
            gradient[other] -= 2 * W[other] / 7
        W = W - 0.05 * gradient
    ours = numbers(found.model.classifier)
    np.testing.assert_allclose(ours[0], W, atol=1e-12)
    assert (ours[1] == b).all()
    assert found.cost.forward_examples == 3 * 7
    assert found.cost.backward_examples == 3 * 3 * 7


def orders(task, epochs):
    """Positions in D_f of each epoch's only batch."""
    loader = task.loader("forget", 100, augment=False)
    for _ in range(epochs):
        [batch] = loader.epoch()
        yield batch.ids


def test_it_ends_once_the_sensitivity_of_other_classes_is_above_its_first_and_lowest():
    """On a linear model it rises from the start."""
    task, original = double_task(30, 7), softmax_regression(16)
    ended = MUMis(epochs=9, recovery=1.0, **SETTINGS).run(original, task)
    assert 2 * 7 <= ended.cost.forward_examples < 9 * 7
    whole = MUMis(epochs=9, recovery=1e9, **SETTINGS).run(original, task)
    assert whole.cost.forward_examples == 9 * 7


def test_by_default_batch_norm_keeps_its_statistics():
    task, original = task_of(double_task(30, 7).forget, 6), conv().double()
    found = MUMis(epochs=2, learning_rate=1e-3).run(original, task)
    assert torch.equal(found.model.body[1].running_mean, original.body[1].running_mean)


class Attention(nn.Module):
    """Pixels as tokens of one number that attend to each other by torch's fused function."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(1, 6)

    def forward(self, inputs):
        q, k, v = self.project(inputs.flatten(1)[..., None]).chunk(3, -1)
        return nn.functional.scaled_dot_product_attention(q, k, v).mean(1)


def test_attention_has_a_second_derivative():
    task, original = double_task(12, 4), seeded(lambda: Net(Attention(), 2)).double()
    found = MUMis(epochs=1, **SETTINGS).run(original, task)
    assert found.status == "ok"
    assert not torch.equal(found.model.body.project.weight, original.body.project.weight)


def test_tokens_and_a_threshold_of_0_are_refused():
    with pytest.raises(Refused, match="which tokens do not have"):
        MUMis().run(mlp(), task_of(tokens(12), 4))
    with pytest.raises(InputError, match=r"recovery: 0\.0 is not above 0"):
        MUMis(recovery=0.0)
