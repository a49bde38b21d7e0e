"""Architectures against torchvision's own, and weights that a user downloaded."""

import re

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.models.build import build
from mubench.models.vit import ViT, vit

TINY = {"patch": 4, "width": 16, "depth": 2, "heads": 2}


def made(name, classes=10, side=32, **arguments):
    card = cards.model(name).card
    changed = {**card, "arguments": {**card["arguments"], **arguments}}
    return build(changed, classes, (3, side, side), 0).eval()


def images(n, side=32):
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def filled(model):
    """Every weight and statistic drawn, so that none is at a value that hides it."""
    generator = torch.Generator().manual_seed(1)
    for name, value in model.state_dict().items():
        if value.ndim > 1:
            fan_in = value[0].numel()
            value.copy_(torch.randn(value.shape, generator=generator) * (2 / fan_in) ** 0.5)
        elif value.is_floating_point():
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
            if not name.endswith(("bias", "mean")):
                value.abs_().add_(0.5)
    return model.eval()


def copied(theirs, ours):
    """Their weights in our model: both name the layers in the order they are run in."""
    values = list(theirs.state_dict().values())
    names = list(ours.state_dict())
    ours.load_state_dict(dict(zip(names, values, strict=True)))
    return ours


def count(model):
    return sum(p.numel() for p in model.parameters())


@torch.no_grad()
def assert_same_logits(ours, theirs, x):
    expected = theirs(x)
    assert (expected - expected[:1]).abs().max() > 1e-3
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


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


def test_vgg16_is_torchvisions_convolutions_under_one_linear_layer():
    model = filled(torchvision.models.vgg16_bn(num_classes=10))
    for layer in model.features:
        if isinstance(layer, nn.Conv2d):
            layer.bias = None  # normalisation takes it away again
    theirs = nn.Sequential(model.features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    theirs.append(filled(nn.Linear(512, 10))).eval()
    assert_same_logits(copied(theirs, made("vgg16_bn")), theirs, images(2))


def torchvisions(classes=1000, side=32):
    return filled(torchvision.models.VisionTransformer(side, 4, 2, 2, 16, 64, num_classes=classes))


@pytest.mark.parametrize("form", ["safetensors", "pth"])
def test_a_vision_transformer_with_torchvisions_weights_is_torchvisions(form, tmp_path):
    theirs, file = torchvisions(classes=10), tmp_path / f"weights.{form}"
    save = save_file if form == "safetensors" else torch.save
    save(theirs.state_dict(), file)
    ours = vit((3, 32, 32), 10, **TINY, weights=str(file)).eval()
    assert count(ours) == count(theirs)
    assert_same_logits(ours, theirs, images(2))


def test_vit_base_has_torchvisions_parameters():
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16(num_classes=10)
        ours = made("vit_base")
    assert count(ours) == count(theirs)


def test_of_pretrained_weights_only_a_new_classifier_depends_on_the_seed(tmp_path):
    theirs, file = torchvisions(), str(tmp_path / "weights.pth")
    torch.save(theirs.state_dict(), file)
    card = cards.model("vit_mini").card
    card = {**card, "arguments": {**TINY, "weights": file}}
    first, second = (build(card, 10, (3, 32, 32), seed).state_dict() for seed in (0, 1))
    differ = {name for name in first if not torch.equal(first[name], second[name])}
    assert differ == {"classifier.weight", "classifier.bias"}
    assert torch.equal(first["embedding.positions"], theirs.encoder.pos_embedding)


def test_smaller_images_are_resized_inside_the_model():
    model = ViT((3, 8, 12), 10, **TINY, resize=16).eval()
    x = torch.rand(2, 3, 8, 12)
    resized = nn.functional.interpolate(x, (16, 16), mode="bilinear")
    with torch.no_grad():
        fixed = ViT((3, 16, 16), 10, **TINY).eval()
        fixed.load_state_dict(model.state_dict())
        assert torch.allclose(model(x), fixed(resized), atol=1e-6)


def test_images_must_divide_into_patches():
    with pytest.raises(InputError) as caught:
        made("vit_mini", side=30)
    assert str(caught.value) == (
        "model ViT: images of 30x30 do not divide into patches of 4x4; take a model that resizes "
        "them"
    )


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda state: without(state, "encoder.ln.bias"),
            "does not fit ViT: norm.bias: (16,) in the model, nothing in the file",
        ),
        (
            lambda state: {**state, "extra": torch.zeros(2)},
            "does not fit ViT: extra: nothing in the model, (2,) in the file",
        ),
        (
            lambda state: {**state, "encoder.pos_embedding": torch.zeros(1, 50, 16)},
            "does not fit ViT: embedding.positions: (1, 65, 16) in the model, (1, 50, 16) in the "
            "file",
        ),
        (lambda state: [1, 2], "holds no state dict; save model.state_dict()"),
        (lambda state: {"model": state}, "holds no state dict; save model.state_dict()"),
        (lambda state: re.compile("x"), "cannot be read as weights: "),
    ],
    ids=["missing", "left over", "another shape", "a list", "nested", "code"],
)
def test_weights_that_do_not_fit_are_refused_in_one_line(change, expected, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save(change(torchvisions().state_dict()), file)
    with pytest.raises(InputError) as caught:
        vit((3, 32, 32), 10, **TINY, weights=str(file))
    assert str(caught.value).startswith(f"weights: {file}: {expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_of_weights_that_is_missing_or_broken_is_refused_in_one_line(name, tmp_path):
    file = tmp_path / name
    with pytest.raises(InputError, match=r"no such file; put the weights there, or write null$"):
        vit((3, 32, 32), 10, **TINY, weights=str(file))
    file.write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be read as weights: ") as caught:
        vit((3, 32, 32), 10, **TINY, weights=str(file))
    assert "\n" not in str(caught.value)
