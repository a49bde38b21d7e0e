"""Weights that a user downloaded: loaded, or refused in one line."""

import re

import pytest
import torch
from torch import nn

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.models.build import build_model
from mubench.models.pretrained_weights import load_weights, read_weights
from mubench.models.vit import vit
from tests.support.torchvision_models import TINY, torchvisions


def test_of_pretrained_weights_only_a_new_classifier_depends_on_the_seed(tmp_path):
    theirs, file = torchvisions(), str(tmp_path / "weights.pth")
    torch.save(theirs.state_dict(), file)
    card = cards.model("vit_mini").card
    card = {**card, "arguments": {**TINY, "weights": file}}
    first, second = (build_model(card, 10, (3, 32, 32), seed).state_dict() for seed in (0, 1))
    differ = {name for name in first if not torch.equal(first[name], second[name])}
    assert differ == {"classifier.weight", "classifier.bias"}
    assert torch.equal(first["embedding.positions"], theirs.encoder.pos_embedding)


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda state: without(state, "encoder.ln.bias"),
            "does not fit ViT in 1 of 32 tensors: norm.bias: (16,) in the model, nothing in the "
            "file",
        ),
        (
            lambda state: {**state, "extra": torch.zeros(2)},
            "does not fit ViT in 1 of 33 tensors: extra: nothing in the model, (2,) in the file",
        ),
        (
            lambda state: {**state, "encoder.pos_embedding": torch.zeros(1, 50, 16)},
            "does not fit ViT in 1 of 32 tensors: embedding.positions: (1, 65, 16) in the model, "
            "(1, 50, 16) in the file",
        ),
        (lambda state: [1, 2], "holds no state dict; save model.state_dict()"),
        (lambda state: {"weights": state}, "holds no state dict; save model.state_dict()"),
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


def net():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))


def prefixed(prefix):
    return lambda state: {f"{prefix}{name}": value for name, value in state.items()}


@pytest.mark.parametrize(
    "change",
    [
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("module._orig_mod."),
        prefixed("_orig_mod.module."),
        lambda state: {"state_dict": state, "epoch": 3, "best": [0.5]},
        lambda state: {"model": prefixed("module.")(state), "optimizer": {"lr": 0.1}},
        lambda state: {"model_state_dict": state},
        lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
        lambda state: {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
    ],
    ids=[
        "parallel",
        "compiled",
        "both",
        "both ways",
        "checkpoint",
        "of a model",
        "named",
        "old",
        "half",
    ],
)
def test_weights_are_found_in_what_people_save(change, tmp_path):
    theirs, ours = net(), net()
    for parameter in theirs.parameters():
        parameter.data = parameter.half().float()  # so that half precision loses nothing
    torch.save(change(theirs.state_dict()), tmp_path / "weights.pt")
    load_weights(ours, read_weights(str(tmp_path / "weights.pt")), "weights.pt", "2")
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    assert {p.dtype for p in ours.parameters()} == {torch.float32}


def test_a_name_that_only_begins_like_a_prefix_stays(tmp_path):
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "weights.pt")
    assert read_weights(str(tmp_path / "weights.pt")).keys() == {"module.a", "b"}


def test_an_error_counts_the_tensors_that_do_not_fit_and_names_the_first(tmp_path):
    other = nn.Sequential(nn.Linear(4, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))
    with pytest.raises(InputError) as caught:
        load_weights(net(), other.state_dict(), "w.pt", "2")
    assert str(caught.value) == (
        "weights: w.pt: does not fit Sequential in 6 of 9 tensors: 0.weight: (5, 4) in the model, "
        "(7, 4) in the file; 0.bias: (5,) in the model, (7,) in the file"
    )


def test_a_last_layer_of_other_classes_stays_as_drawn():
    theirs, ours = net(), net()
    theirs[2] = nn.Linear(5, 9)
    drawn = ours[2].weight.clone()
    load_weights(ours, theirs.state_dict(), "w.pt", "2")
    assert torch.equal(ours[0].weight, theirs[0].weight)
    assert torch.equal(ours[2].weight, drawn)
    with pytest.raises(InputError, match=r"in 2 of 9 tensors: 2\.weight: \(3, 5\) in the model"):
        load_weights(ours, theirs.state_dict(), "w.pt", None)


def test_a_pickle_that_is_more_than_tensors_is_not_read(tmp_path):
    torch.save(net(), tmp_path / "whole.pt")  # the module itself, as people save it
    with pytest.raises(InputError, match=r"cannot be read as weights: .*save model\.state_dict"):
        read_weights(str(tmp_path / "whole.pt"))
