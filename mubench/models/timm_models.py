"""Classifiers of images of the package `timm`, by name."""

from collections.abc import Mapping
from typing import Any

import torch

from mubench.errors import InputError, did_you_mean
from mubench.models.any_classifier import AnyClassifier, checked, family_of, one_line
from mubench.models.pretrained_weights import load_own_weights

_NOT_ARGUMENTS = (
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
    *("num_classes", "in_chans", "exportable", "scriptable", "no_jit", "features_only"),
)
"""Arguments of `timm.create_model` that mubench sets, or that would read files as pickles."""


def timm_classifier(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    model: str,
    pretrained: bool,
    arguments: Mapping[str, Any],
    weights: str | None = None,
) -> AnyClassifier:
    """A model of timm with a new last layer; `pretrained` weights come from where timm has them.

    A model of one size of images, such as a ViT, is built for the size that is asked for.

    Raises:
        InputError: timm is not installed, or it or the weights refuse.
    """
    timm = _timm()
    channels, *size = input_shape
    entry = timm.get_pretrained_cfg(model)
    sized = {"img_size": tuple(size)} if _is_of_another_size(entry, size) else {}
    try:
        network = timm.create_model(
            model,
            pretrained=pretrained,
            num_classes=num_classes,
            in_chans=channels,
            **{**sized, **arguments},
        )
    except Exception as error:  # timm's models raise anything, and so do downloads
        hint = "; put the weights there with `weights: FILE`" if pretrained else ""
        raise InputError(f"model {model} of timm: {one_line(error)}{hint}") from error
    own = AnyClassifier(network, num_classes, input_shape, model)
    if weights is not None:
        load_own_weights(own, weights)
    return checked(own)


def describe(model: str, arguments: Mapping[str, Any]) -> str:
    """The family of a model of timm, which is built without memory for its weights.

    Raises:
        InputError: timm is not installed, does not know the name, or refuses an argument.
    """
    timm = _timm()
    known = timm.list_models()
    if ":" in model or "/" in model or not timm.is_model(model):
        hint = did_you_mean(model.partition(".")[0], known).partition("known: ")[0]
        raise InputError(f"timm has no model '{model}'; {hint or 'see timm.list_models()'}")
    for key in arguments:
        if key in _NOT_ARGUMENTS:
            raise InputError(f"arguments.{key}: mubench sets it; leave it out")
    try:
        try:
            with torch.device("meta"):
                network = timm.create_model(model, pretrained=False, **arguments)
        except NotImplementedError:  # the model computes with values while it is built
            with torch.random.fork_rng(devices=[]):
                network = timm.create_model(model, pretrained=False, **arguments)
    except Exception as error:  # timm's models raise anything
        raise InputError(f"timm cannot build '{model}': {one_line(error)}") from error
    return family_of(network)


def _is_of_another_size(entry: Any, size: list[int]) -> bool:
    if entry is None or not entry.fixed_input_size:
        return False
    return tuple(entry.input_size[1:]) != tuple(size)


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise InputError("needs the package timm: pip install 'mubench[timm]'") from error
    return timm
