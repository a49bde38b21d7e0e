"""ResNets against torchvision's."""

import pytest
import torch
import torchvision
from torch import nn

from tests.support.built_models import inputs_of, make
from tests.support.torchvision_models import assert_same_logits, copied, count, filled, images, made

RESNETS = [("resnet18", "resnet18"), ("resnet34", "resnet34"), ("resnet50", "resnet50")]
IMAGENET = [("resnet18_imagenet", "resnet18"), ("resnet50_imagenet", "resnet50")]


@pytest.mark.parametrize(("name", "theirs"), RESNETS)
def test_a_resnet_is_torchvisions_with_the_stem_for_small_images(name, theirs):
    model = getattr(torchvision.models, theirs)(num_classes=10)
    model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    assert count(made(name)) == count(model)
    assert_same_logits(copied(filled(model), made(name)), model, images(2))


@pytest.mark.parametrize(("name", "theirs"), IMAGENET)
def test_a_resnet_for_large_images_is_torchvisions(name, theirs):
    model = filled(getattr(torchvision.models, theirs)(num_classes=10))
    ours = made(name, side=96)
    assert count(ours) == count(model)
    assert_same_logits(copied(model, ours), model, images(2, side=96))


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
