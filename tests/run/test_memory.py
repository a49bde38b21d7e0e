"""What a plan says that a worker holds of a model, against what is there in mid-step."""

import gc

import pytest
import torch
from torch import nn

from mubench.catalogue import cards
from mubench.models.build import build_model
from mubench.models.training.descent import Descent, Hooks, descend
from mubench.run.memory import memory_of
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed

WIDTH = 300


def held_in_a_step(optimizer):
    """Tensors of the size of a one-layer model while an optimizer makes its second step."""
    model, most = nn.Linear(WIDTH, WIDTH, bias=False), 0

    def count(_):
        nonlocal most
        gc.collect()
        tensors = [x for x in gc.get_objects() if issubclass(type(x), torch.Tensor)]
        tensors += [x.grad for x in tensors if isinstance(x, nn.Parameter) and x.grad is not None]
        large = {x.untyped_storage().data_ptr() for x in tensors if x.numel() == WIDTH**2}
        most = max(most, len(large))

    settings = Descent(learning_rate=1e-3, epochs=2, optimizer=optimizer)
    x = torch.randn(1, WIDTH)
    hooks = Hooks(after_step=count)
    descend(
        model, settings, lambda _: [x], lambda b: model(b).sum(), steps_per_epoch=1, hooks=hooks
    )
    return most


def memory(*kinds, **changes):
    steps = make_plan(parse(changed(SWEEP, **changes), "x")).steps.values()
    return memory_of(step for step in steps if step.kind in kinds)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_training_holds_as_many_copies_as_it_says(optimizer):
    found = memory("train", training={"epochs": 1, "optimizer": optimizer})
    assert found.what == "training of small_cnn"
    assert found.copies == held_in_a_step(optimizer)


def test_a_method_holds_the_original_too_and_its_teacher():
    training = memory("train", "retrain")
    ft, scrub, adamw = (
        memory("train", "search", "final", methods=methods)
        for methods in ({"ft": {}}, {"scrub": {}}, {"ft": {"optimizer": "adamw"}})
    )
    assert [each.copies - training.copies for each in (ft, scrub, adamw)] == [1, 2, 2]
    assert ft.what == "ft of small_cnn"
    model = build_model(cards.model("small_cnn").card, 10, (1, 8, 8), seed=0)
    assert ft.bytes == 4 * ft.copies * sum(p.numel() for p in model.parameters())
