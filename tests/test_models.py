"""Every model card: what it builds, from which seed, and what it refuses."""

import pytest
import torch
from torch import nn

from mubench import catalogue
from mubench.errors import InputError
from mubench.models.build import build
from mubench.recipe import Recipe

CARDS = {name: catalogue.model(name).card for name in catalogue.names("models")}
SHAPES = {"small_cnn": (1, 8, 8), "resnet_small": (3, 32, 32), "resnet18": (3, 32, 32)}
SMALLEST = {"small_cnn": 4, "resnet_small": 16, "resnet18": 16}


def make(name: str, seed: int = 0) -> nn.Module:
    return build(CARDS[name], 10, SHAPES[name], seed)


def images(name: str, n: int) -> torch.Tensor:
    return torch.rand(n, *SHAPES[name], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", list(CARDS))
def test_a_card_states_its_model_and_recipe(name):
    card = CARDS[name]
    assert card["name"] == name
    assert card["parameters"] == sum(p.numel() for p in make(name).parameters())
    Recipe(**card["recipe"])
    assert {"title", "modality", "family"} <= set(card)


@pytest.mark.parametrize("name", list(CARDS))
def test_logits_are_the_classifier_on_the_features(name):
    model, x = make(name).eval(), images(name, 3)
    with torch.no_grad():
        features = model.features(x)
        assert isinstance(model.classifier, nn.Linear)
        assert features.shape == (3, model.classifier.in_features)
        assert torch.equal(model(x), model.classifier(features))
        assert model(x).shape == (3, 10)


@pytest.mark.parametrize("name", list(CARDS))
def test_a_batch_of_one_trains_and_every_weight_gets_a_gradient(name):
    model = make(name).train()
    nn.functional.cross_entropy(model(images(name, 1)), torch.tensor([3])).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("name", list(CARDS))
def test_the_seed_decides_the_weights_and_nothing_else_does(name):
    torch.manual_seed(1)
    first = make(name, seed=7).state_dict()
    torch.manual_seed(2)
    second = make(name, seed=7).state_dict()
    other = make(name, seed=8).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    make("small_cnn", seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_do_not_depend_on_what_was_built_before():
    expected = make("small_cnn", seed=5).classifier.weight
    make("resnet_small", seed=5)
    torch.rand(3)
    assert torch.equal(make("small_cnn", seed=5).classifier.weight, expected)


@pytest.mark.parametrize("name", list(CARDS))
def test_the_smallest_images_work_and_smaller_ones_are_refused(name):
    channels, side = SHAPES[name][0], SMALLEST[name]
    model = build(CARDS[name], 4, (channels, side, side), 0).train()
    assert model(torch.zeros(1, channels, side, side)).shape == (1, 4)
    with pytest.raises(InputError) as caught:
        build(CARDS[name], 4, (channels, side, side - 1), 0)
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
    x = images("resnet_small", 2)
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
        stem = model.stem(images("resnet18", 1))
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
