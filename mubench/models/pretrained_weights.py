"""Weights that a user downloaded or trained: read without running code, put where they fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mubench.errors import InputError
from mubench.models.any_classifier import AnyClassifier

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""What checkpoints call the state dict beside which they hold other things."""
_PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before all names."""
_COUNTER = "num_batches_tracked"
"""A buffer of BatchNorm that old files lack and that decides nothing here."""


def read_weights(path: str) -> dict[str, Tensor]:
    """A file of tensors by name: `.safetensors`, or else what torch saved of a state dict.

    Of a checkpoint it is what `state_dict`, `model_state_dict` or `model` holds. The prefixes of
    DataParallel and torch.compile are taken off.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"weights: {path}: no such file; put the weights there, or write null")
    try:
        if file.suffix == ".safetensors":
            tensors: Any = load_file(file)
        else:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has errors of its own
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"weights: {path}: cannot be read as weights: {reason}; save model.state_dict()"
        ) from error
    held = [tensors.get(name) for name in _WRAPPERS] if isinstance(tensors, dict) else []
    tensors = next((each for each in held if _is_state(each)), tensors)
    if not _is_state(tensors):
        raise InputError(f"weights: {path}: holds no state dict; save model.state_dict()")
    return _without_prefixes(tensors)


def load_weights(
    model: nn.Module, weights: Mapping[str, Tensor], where: str, head: str | None = "classifier"
) -> None:
    """Put weights into a model; the layer `head` stays as drawn where its shape is another.

    Raises:
        InputError: anything else is missing, is left over, or has another shape.
    """
    state = model.state_dict()
    last = {name for name in state if head is not None and name.startswith(f"{head}.")}
    fits = all(_shape(weights, name) == _shape(state, name) for name in last)
    given, wanted = (
        {name: value for name, value in values.items() if fits or name not in last}
        for values in (weights, state)
    )
    wrong = [name for name in {**wanted, **given} if _shape(wanted, name) != _shape(given, name)]
    wrong = [name for name in wrong if name in given or not name.endswith(_COUNTER)]
    if wrong:
        shapes = [
            f"{name}: {_shape(wanted, name)} in the model, {_shape(given, name)} in the file"
            for name in wrong[:_SHOWN]
        ]
        raise InputError(
            f"weights: {where}: does not fit {type(model).__name__} in {len(wrong)} of "
            f"{len({**state, **weights})} tensors: {'; '.join(shapes)}"
        )
    model.load_state_dict(given, strict=False)


def load_own_weights(model: AnyClassifier, path: str) -> None:
    """Put a file of weights into a network of somebody else's, as `load_weights` does.

    Raises:
        InputError: the file cannot be read, or does not fit.
    """
    layer = model.classifier
    names = (name for name, module in model.network.named_modules() if module is layer)
    load_weights(model.network, read_weights(path), path, next(names, None))


_SHOWN = 2
"""Tensors that an error names."""


def _is_state(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items()
    )


def _without_prefixes(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in (*_PREFIXES, *_PREFIXES):  # either may come first
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def _shape(weights: Mapping[str, Tensor], name: str) -> str:
    return str(tuple(weights[name].shape)) if name in weights else "nothing"
