"""Every model card: what it builds, from which seed, and what it refuses."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from mubench.catalogue import cards
from mubench.data.split import Inputs
from mubench.errors import InputError
from mubench.models import bert
from mubench.models.build import build
from mubench.models.classifier import Classifier
from mubench.models.recipe import Recipe
from mubench.run.references import weights_to_arrays

CARDS = {name: cards.model(name).card for name in cards.names("models")}
SHAPES = {
    "small_cnn": (1, 8, 8),
    "resnet18_imagenet": (3, 224, 224),
    "resnet50_imagenet": (3, 224, 224),
    "bert_tiny": (128,),
    "bert_base": (256,),
}
"""What the cards' numbers of parameters hold for; 3x32x32 images where a card is not named."""
BUILT = [
    "small_cnn",
    "resnet_small",
    "resnet18",
    "resnet50",
    "resnet18_imagenet",
    "vgg_small",
    "vit_mini",
    "vit_small",
    "bert_tiny",
]
"""Every architecture once or twice; the others are larger ones of the same code."""
SMALLEST = {
    "small_cnn": 4,
    "resnet_small": 16,
    "resnet18": 16,
    "resnet50": 16,
    "resnet18_imagenet": 64,
    "vgg_small": 8,
    "vit_mini": 4,
    "vit_small": 1,
}


def shape_of(name: str) -> tuple[int, ...]:
    return SHAPES.get(name, (3, 32, 32))


def make(name: str, seed: int = 0) -> nn.Module:
    return build(CARDS[name], 10, shape_of(name), seed)


def inputs_of(name: str, n: int) -> Inputs:
    generator, shape = torch.Generator().manual_seed(0), shape_of(name)
    if CARDS[name]["modality"] == "image":
        return torch.rand(n, *shape, generator=generator)
    mask = torch.ones(n, *shape, dtype=torch.int64)
    mask[::2, 100:] = 0
    return {
        "input_ids": torch.randint(0, 8000, (n, *shape), generator=generator),
        "attention_mask": mask,
    }


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
def test_logits_are_the_classifier_on_the_features(name):
    model, x = make(name).eval(), inputs_of(name, 3)
    with torch.no_grad():
        features = model.features(x)
        assert isinstance(model, Classifier)
        assert isinstance(model.classifier, nn.Linear)
        assert features.shape == (3, model.classifier.in_features)
        assert torch.equal(model(x), model.classifier(features))
        assert model(x).shape == (3, 10)


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


@pytest.mark.parametrize("name", BUILT)
def test_a_copy_and_weights_that_went_through_arrays_are_the_model(name):
    model, x = make(name).eval(), inputs_of(name, 2)
    fresh = make(name, seed=1).eval()
    stored = {key: np.array(value) for key, value in weights_to_arrays(model).items()}
    fresh.load_state_dict({key: torch.from_numpy(value) for key, value in stored.items()})
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(copy.deepcopy(model)(x), expected)
        assert torch.equal(pickle.loads(pickle.dumps(model))(x), expected)
        assert torch.equal(fresh(x), expected)
    storages = [p.data_ptr() for p in model.parameters()]
    assert len(set(storages)) == len(storages)


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    make("small_cnn", seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_do_not_depend_on_what_was_built_before():
    expected = make("small_cnn", seed=5).classifier.weight
    make("resnet_small", seed=5)
    torch.rand(3)
    assert torch.equal(make("small_cnn", seed=5).classifier.weight, expected)


@pytest.mark.parametrize("name", list(SMALLEST))
def test_the_smallest_images_work_and_smaller_ones_are_refused(name):
    channels, side = shape_of(name)[0], SMALLEST[name]
    model = build(CARDS[name], 4, (channels, side, side), 0).train()
    assert model(torch.zeros(1, channels, side, side)).shape == (1, 4)
    with pytest.raises(InputError) as caught:
        build(CARDS[name], 4, (channels, side, side - 1), 0)
    assert "; take a model for smaller images" in str(caught.value)
    assert f"needs images of at least 1x{side}x{side}, got" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_an_image_is_refused():
    with pytest.raises(InputError, match=r"needs images \(c, h, w\), got the shape \(64,\)"):
        build(CARDS["small_cnn"], 10, (64,), 0)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 1, 8, 9), (1, 8, 8)])
def test_images_of_another_shape_are_refused_in_one_line(shape):
    with pytest.raises(InputError) as caught:
        make("small_cnn")(torch.zeros(shape))
    assert str(caught.value) == (
        f"model SmallCNN: was built for images (1, 8, 8), got {tuple(shape[1:])}"
    )


def test_a_block_adds_its_branch_to_its_input_and_the_last_maps_are_averaged():
    """With the last normalisation of its branch at zero, the first block is the identity."""
    model = make("resnet_small").eval()
    x = inputs_of("resnet_small", 2)
    block = model.stages[0][0]
    nn.init.zeros_(block.residual[-1][1].weight)
    with torch.no_grad():
        stem = model.stem(x)
        assert torch.equal(block(stem), stem)
        maps = model.stages(stem)
        assert maps.shape == (2, 64, 4, 4)
        averages = maps.flatten(2).sum(2) / 16
        assert torch.allclose(model.features(x), averages, atol=1e-6)


def test_resnet18_has_the_stem_and_stages_for_small_images():
    model = make("resnet18").eval()
    with torch.no_grad():
        stem = model.stem(inputs_of("resnet18", 1))
        assert stem.shape == (1, 64, 32, 32)
        assert model.stages(stem).shape == (1, 512, 4, 4)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert sum(m.kernel_size == (3, 3) for m in convolutions) == 17


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_small_cnn_memorises_labels_right_and_wrong(kind):
    """Unlearning needs a model that has memorised: 100 random images, right or shuffled labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 10
    x = torch.rand(100, 1, 8, 8, generator=generator) + labels.view(-1, 1, 1, 1) / 10
    if kind == "wrong":
        labels = labels[torch.randperm(100, generator=generator)]
    model = make("small_cnn").train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    with torch.no_grad():
        assert (model.eval()(x).argmax(1) == labels).all()
