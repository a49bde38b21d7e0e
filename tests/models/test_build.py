"""Every model card: what it builds, from which seed."""

import pytest
import torch
from torch import nn

from mubench.models import bert
from mubench.models.recipe import Recipe
from tests.support.built_models import BUILT, CARDS, inputs_of, make, shape_of


@pytest.mark.parametrize("name", list(CARDS))
def test_a_card_states_its_model_and_recipe(name, monkeypatch):
    card = CARDS[name]
    monkeypatch.setattr(bert, "pretrained", lambda source: bert.bert((256,), 10).body)
    with torch.device("meta"):  # no weights are drawn
        model = make(name)
    assert card["name"] == name
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    Recipe(**card["recipe"])
    assert {"title", "modality", "family"} <= set(card)
    if card["modality"] == "text":
        assert card["tokens"]["length"] == shape_of(name)[0]
        sizes = card["arguments"].keys() & {"vocabulary", "source"}
        assert {key: card["arguments"][key] for key in sizes} == {
            key: card["tokens"][key] for key in sizes
        }


@pytest.mark.parametrize("name", BUILT)
def test_a_batch_of_one_trains_and_every_weight_gets_a_gradient(name):
    model = make(name).train()
    nn.functional.cross_entropy(model(inputs_of(name, 1)), torch.tensor([3])).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("name", BUILT)
def test_the_seed_decides_the_weights_and_nothing_else_does(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = make(name, seed=7).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = make(name, seed=7).state_dict()
    other = make(name, seed=8).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    matrices = [key for key, value in first.items() if value.ndim > 1 and "class_token" not in key]
    assert not any(torch.equal(first[key], other[key]) for key in matrices)


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    make("small_cnn", seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_do_not_depend_on_what_was_built_before():
    expected = make("small_cnn", seed=5).classifier.weight
    make("resnet_small", seed=5)
    torch.rand(3)
    assert torch.equal(make("small_cnn", seed=5).classifier.weight, expected)
