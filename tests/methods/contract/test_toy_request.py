"""The small request: parts that can be altered one by one."""

import pytest
import torch
from torch import nn

from mubench.methods.contract.toy_request import Request

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


PARTS = ("forget", "forget_labels", "retain", "validation", "initial_weights")


def parts_of(task):
    """Everything that can be withheld, as tensors by part."""
    batches = {name: split.take(torch.arange(len(split))) for name, split in task.splits.items()}
    inputs = {
        name: b.inputs["input_ids"] if isinstance(b.inputs, dict) else b.inputs
        for name, b in batches.items()
    }
    return {
        "forget": inputs["forget"],
        "forget_labels": batches["forget"].labels,
        "retain": inputs["retain"],
        "retain_labels": batches["retain"].labels,
        "validation": inputs["validation"],
        "initial_weights": torch.cat([p.flatten() for p in task.new_model().parameters()]),
    }


@pytest.mark.parametrize("altered", PARTS)
@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize("is_classwise", [False, True])
def test_an_altered_request_differs_in_the_part_that_is_named_alone(
    altered, modality, is_classwise
):
    request = Request(modality=modality, is_classwise=is_classwise)
    usual, other = parts_of(request.task()), parts_of(request.task(altered=altered))
    differing = {part for part in usual if not torch.equal(usual[part], other[part])}
    beside = {"forget": {"forget_labels"}, "retain": {"retain_labels"}}
    assert differing == {altered} | beside.get(altered, set())
    assert all((usual[part] != other[part]).any() for part in differing)


def test_the_original_knows_what_it_is_asked_to_forget():
    for modality in ("image", "text"):
        request = Request(modality=modality)
        batch = request.task().forget.take(torch.arange(16))
        logits = request.original()(batch.inputs)
        assert (logits.argmax(1) == batch.labels).double().mean() >= 0.8


def test_a_class_wise_request_forgets_one_class_and_keeps_none_of_it():
    task = Request(is_classwise=True).task()
    assert set(task.forget.labels.tolist()) == {0}
    assert set(task.retain.labels.tolist()) == {1, 2}
    assert (len(task.forget), len(task.retain)) == (16, 32)


def test_a_deeper_net_has_as_many_convolutions_as_it_is_asked_for():
    request = Request(blocks=5)
    nets = (request.original(), request.task().new_model(), request.task("retain").new_model())
    for net in nets:
        assert sum(type(module) is nn.Conv2d for module in net.modules()) == 5
    assert len(list(Request().original().modules())) < len(list(nets[0].modules()))
