"""Weights that a user downloaded: read without running their code, put where they fit."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from mubench.errors import InputError
from mubench.models.image_classifier import ImageClassifier


def read_weights(path: str) -> dict[str, Tensor]:
    """A file of tensors by name: `.safetensors`, or else what torch saved of a state dict.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"weights: {path}: no such file; put the weights there, or write null")
    try:
        if file.suffix == ".safetensors":
            tensors = load_file(file)
        else:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has errors of its own
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"weights: {path}: cannot be read as weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(isinstance(v, Tensor) for v in tensors.values()):
        raise InputError(f"weights: {path}: holds no state dict; save model.state_dict()")
    return tensors


def load_weights(model: ImageClassifier, weights: Mapping[str, Tensor], where: str) -> None:
    """Put weights into a model; its classifier stays as drawn where the shape of the given differs.

    Raises:
        InputError: anything else is missing, is left over, or has another shape.
    """
    state = model.state_dict()
    head = {name for name in state if name.startswith("classifier.")}
    fits = all(name in weights and weights[name].shape == state[name].shape for name in head)
    given = {name: value for name, value in weights.items() if fits or name not in head}
    wanted = {name: value for name, value in state.items() if fits or name not in head}
    for name in [*wanted, *given]:
        expected, actual = _shape(wanted, name), _shape(given, name)
        if expected != actual:
            raise InputError(
                f"weights: {where}: does not fit {type(model).__name__}: {name}: "
                f"{expected} in the model, {actual} in the file"
            )
    model.load_state_dict(given, strict=False)


def _shape(weights: Mapping[str, Tensor], name: str) -> str:
    return str(tuple(weights[name].shape)) if name in weights else "nothing"
