"""What a method is given: loaders, generators, settings, and nothing undeclared."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

from mubench.data.split import Split
from mubench.errors import ContractError, UndeclaredError
from mubench.methods.base import Method
from mubench.methods.ft import FT
from mubench.models.training.descent import Descent
from tests.support.toy import blobs, conv, mlp, task_of


def test_one_loader_less_changes_no_other_loaders_batches():
    task = task_of(blobs(30), 10)
    alone = task.loader("retain", 4, augment=True)
    beside = task.loader("retain", 4, augment=True)
    other = task.loader("forget", 4, augment=True)
    for _ in range(5):
        list(other.cycle([3]))
        (first,), (second,) = alone.cycle([4]), beside.cycle([4])
        assert torch.equal(first.ids, second.ids)
        assert torch.equal(first.inputs, second.inputs)


def test_withheld_splits_cannot_be_reached_through_the_task():
    task = task_of(blobs(30), 10, new_model=conv).declared(frozenset({"forget"}))
    assert (task.forget.labels == -1).all()
    for reach in (lambda: task.retain, lambda: task.splits["retain"], lambda: task.validation):
        with pytest.raises(UndeclaredError, match=r"^the method reads '\w+' but does not declare"):
            reach()
    assert set(task.splits) == {"forget"}


def test_a_descent_gets_all_settings_of_its_method():
    values = {
        "learning_rate": 0.3,
        "epochs": 7,
        "momentum": 0.1,
        "weight_decay": 0.2,
        "optimizer": "adamw",
        "clip_norm": 3.0,
        "bn_mode": "eval_frozen",
    }
    task = replace(task_of(blobs(20), 8), precision="bfloat16")
    assert FT(**values).settings(task) == Descent(**values, precision="bfloat16")


def test_generators_of_other_names_draw_otherwise():
    task = task_of(blobs(20), 8)
    one, other = (torch.rand(9, generator=task.generator(name)) for name in ("mixed", "labels"))
    assert not torch.equal(one, other)


@dataclass(frozen=True, kw_only=True)
class Careless(Method):
    """Changes all weights, frozen or not, or thaws them."""

    needs: ClassVar = frozenset({"forget"})
    thaws: bool = False

    def unlearn(self, model, task, prepared):
        for parameter in model.parameters():
            if self.thaws:
                parameter.requires_grad_(True)
            else:
                parameter.data += 1


@pytest.mark.parametrize("thaws", [False, True])
def test_a_method_that_changes_what_is_frozen_is_told_so(thaws):
    model, task = mlp(), task_of(blobs(24), 8)
    assert Careless(thaws=thaws).run(model, task).status == "ok"
    model.classifier.bias.requires_grad_(False)
    with pytest.raises(ContractError, match=r"Careless changed a frozen parameter: classifier\.b"):
        Careless(thaws=thaws).run(model, task)


def test_no_method_sees_which_labels_are_wrong():
    task = task_of(blobs(24), 8)
    source = replace(task.forget._source, true_labels=task.forget._source.labels + 1)
    known = replace(task, splits={n: Split(source, s._rows) for n, s in task.splits.items()})
    assert known.retain.true_labels is not None
    given = known.declared(frozenset({"forget", "forget_labels", "retain"}))
    assert given.forget.true_labels is given.retain.true_labels is None
    assert torch.equal(given.forget.labels, task.forget.labels)
