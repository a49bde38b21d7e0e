"""Relearning: curves of training by hand, and models whose answer is known."""

import copy

import pytest
import torch
from torch.nn import functional as F

from mubench.errors import Diverged
from mubench.evidence.relearn import relearn
from mubench.sweep.evidence import RelearnSpec
from tests.support.examined import RECIPE, broken, subject
from tests.support.toy import accuracy, blobs, conv, mlp, same, split_of, train, weights

ASKED = RelearnSpec(rate=0.2, epochs=2, examples=6, few_steps=5, most_steps=30)


def learnt():
    """A model that answers all blobs rightly."""
    model = mlp(1)
    train(model, blobs(60), epochs=60)
    assert accuracy(model, blobs(60)) == 1
    return model


def trained_by_hand(model, split, eta, steps):
    """Full-batch gradient descent, and the accuracy of nobody else's code."""
    model = copy.deepcopy(model)
    batch = split.take(torch.arange(len(split)))
    for _ in range(steps):
        loss = F.cross_entropy(model(batch.inputs), batch.labels)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= eta * gradient
    return model


def test_the_curve_on_retained_data_is_that_of_descent_by_hand():
    """With D_r in one batch the order of examples does not matter."""
    recipe = RECIPE.model_copy(update={"batch_size": 1000})
    one = subject(recipe=recipe)
    found = relearn(one, ASKED.model_copy(update={"epochs": 3}))
    curve = [
        accuracy(trained_by_hand(one.model, one.retain, 0.2 * 0.5, steps), one.forget)
        for steps in (1, 2, 3)
    ]
    assert [found[f"relearn_retain_{epoch}"] for epoch in (1, 2, 3)] == pytest.approx(curve)
    assert found["relearn_retain"] == pytest.approx(curve[-1])


def test_steps_to_relearn_are_those_of_descent_by_hand():
    recipe = RECIPE.model_copy(update={"batch_size": 1000})
    one = subject(original=learnt(), recipe=recipe)
    steps = next(
        k
        for k in range(100)
        if accuracy(trained_by_hand(one.model, one.forget, 0.2 * 0.5, k), one.forget) >= 0.95
    )
    found = relearn(one, ASKED.model_copy(update={"most_steps": 100}))
    assert 0 < steps == found["relearn_steps"]


def test_the_original_has_nothing_to_relearn():
    model = learnt()
    found = relearn(subject(model, original=model), ASKED)
    assert found["relearn_steps"] == 0
    assert found["relearn_retain"] == found["relearn_few"] == 1


def test_steps_end_at_the_limit():
    asked = RelearnSpec(rate=1e-6, epochs=1, examples=6, few_steps=1, most_steps=4)
    assert relearn(subject(original=learnt()), asked)["relearn_steps"] == 4


def test_hidden_knowledge_comes_back_from_a_few_examples_and_noise_does_not():
    """Wrong classes in the last layer's bias are undone at once; labels of noise are learnt only
    one by one, so that the rest of D_f stays as it was.
    """
    hidden = learnt()
    with torch.no_grad():
        hidden.classifier.bias += torch.tensor([8.0, -8.0, 0.0])
    strong = RelearnSpec(rate=1.0, epochs=1, examples=6, few_steps=20, most_steps=1)
    noise = torch.Generator().manual_seed(5)
    labels = torch.randint(0, 3, (60,), generator=noise)
    unlearnable = split_of(torch.randn(60, 1, 4, 4, generator=noise), labels)
    assert relearn(subject(hidden), strong)["relearn_few"] > 0.9
    assert relearn(subject(split=unlearnable), strong)["relearn_few"] < 0.7


def test_without_a_rest_there_is_no_accuracy_on_it():
    found = relearn(subject(n_forget=6), ASKED)
    assert "relearn_few" not in found
    assert "relearn_retain" in found


def test_nothing_that_it_is_given_changes():
    one = subject(conv(), original=conv(1), retrained=conv(2))
    before = [copy.deepcopy(weights(m)) for m in (one.model, one.original)]
    relearn(one, ASKED)
    assert same(weights(one.model), before[0])
    assert same(weights(one.original), before[1])


def test_training_that_leaves_the_finite_numbers_is_told():
    with pytest.raises(Diverged):
        relearn(subject(retain=broken()), ASKED)
