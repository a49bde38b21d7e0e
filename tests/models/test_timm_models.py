"""Models of timm: built by name, for any number of classes and channels, or refused in one line."""

import sys

import pytest
import torch

from mubench.errors import InputError
from mubench.methods.shared.layers import blocks_of
from mubench.models.timm_models import describe, timm_classifier

timm = pytest.importorskip("timm")

K = 5


def built(model, shape=(3, 32, 32), weights=None, pretrained=False, **arguments):
    return timm_classifier(
        shape, K, model=model, pretrained=pretrained, arguments=arguments, weights=weights
    )


@pytest.mark.parametrize(
    ("name", "family", "blocks"),
    [
        ("resnet10t", "cnn", 5),
        ("convnext_atto", "cnn", 5),
        ("vit_tiny_patch16_224", "transformer", 12),
        ("mixer_s32_224", "other", 8),
        ("deit_tiny_distilled_patch16_224", "transformer", 12),
    ],
)
def test_a_model_is_built_with_its_last_layer_family_and_blocks(name, family, blocks):
    model = built(name)
    assert model.classifier.out_features == K
    assert describe(name, {}) == family
    assert len(blocks_of(model, K)) == blocks
    with torch.no_grad():
        assert model.eval()(torch.ones(2, 3, 32, 32)).shape == (2, K)
        assert model.features(torch.ones(2, 3, 32, 32)).shape == (2, model.classifier.in_features)


def test_channels_and_arguments_reach_timm():
    model = built("resnet10t", (1, 32, 32), drop_rate=0.5)
    assert model(torch.ones(2, 1, 32, 32)).shape == (2, K)
    assert model.network.drop_rate == 0.5


def test_weights_of_a_file_with_other_classes_go_into_all_but_the_last_layer(tmp_path):
    theirs = timm.create_model("resnet10t", num_classes=9)
    torch.save({"state_dict": theirs.state_dict(), "epoch": 3}, tmp_path / "weights.pth")
    ours = built("resnet10t", weights=str(tmp_path / "weights.pth")).network.state_dict()
    for name, value in theirs.state_dict().items():
        assert name.startswith("fc.") or torch.equal(ours[name], value), name


def line(call, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_of_another_architecture_are_refused_with_their_number(tmp_path):
    theirs = timm.create_model("resnet18", num_classes=K)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    found = line(built, "resnet10t", weights=str(tmp_path / "weights.pth"))
    assert "weights.pth: does not fit ResNet in " in found
    assert " tensors: conv1.0.weight: (24, 3, 3, 3) in the model, nothing in the file; " in found


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("resnt18", {}, "timm has no model 'resnt18'; did you mean 'resnet18'?"),
        ("zzzzzzzz", {}, "timm has no model 'zzzzzzzz'; see timm.list_models()"),
        ("hf-hub:timm/resnet18", {}, "timm has no model 'hf-hub:timm/resnet18'"),
        ("local-dir:/tmp", {}, "timm has no model 'local-dir:/tmp'"),
        ("resnet18", {"checkpoint_path": "x.pth"}, "arguments.checkpoint_path: mubench sets it"),
        ("resnet18", {"pretrained_cfg": {"file": "x"}}, "arguments.pretrained_cfg: mubench sets"),
        ("resnet18", {"widht": 3}, "timm cannot build 'resnet18': TypeError: "),
    ],
)
def test_what_timm_cannot_build_is_one_line(name, arguments, message):
    assert message in line(describe, name, arguments)


def test_images_that_are_too_small_are_one_line():
    assert "fails on inputs of shape (3, 32, 32): RuntimeError: " in line(built, "inception_v3")


def test_pretrained_weights_that_cannot_be_fetched_are_one_line(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no network\nat all")

    monkeypatch.setattr(timm, "create_model", offline)
    found = line(built, "resnet10t", pretrained=True)
    assert found == (
        "model resnet10t of timm: OSError: no network; put the weights there with `weights: FILE`"
    )


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert line(describe, "resnet18", {}) == "needs the package timm: pip install 'mubench[timm]'"
