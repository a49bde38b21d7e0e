"""Weights that a user downloaded: loaded, or refused in one line."""

import re

import pytest
import torch

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.models.build import build_model
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
