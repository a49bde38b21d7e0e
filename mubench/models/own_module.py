"""A model that a user's own function builds: `module: FILE:FUNCTION` of a sweep."""

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from typing import Any

from torch import nn

from mubench.catalogue import plugins
from mubench.errors import InputError
from mubench.models.any_classifier import AnyClassifier, checked, one_line
from mubench.models.pretrained_weights import load_own_weights


def own_model(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    module: str,
    function: str,
    arguments: Mapping[str, Any],
    weights: str | None = None,
    widths: tuple[int, ...] = (),
) -> AnyClassifier:
    """The network that `function(input_shape, num_classes, **arguments)` makes.

    Of a table it gets `widths` too, how many inputs each column became, if it has such an argument.

    `module` is one that was given with `--plugin`, as its text came with the sweep; no other is
    imported.

    Raises:
        InputError: there is no such module or function, it fails, or makes no classifier.
    """
    name = f"{module.removeprefix(plugins.PREFIX)}:{function}"
    if plugins.module_text(module) is None:
        raise InputError(f"model {name}: its file was not given; say --plugin FILE.py")
    try:
        build = getattr(import_module(module), function)
        takes_widths = widths and "widths" in signature(build).parameters
        of_table = {"widths": widths} if takes_widths else {}
        network = build(input_shape, num_classes, **arguments, **of_table)
    except Exception as error:  # the code is not ours
        raise InputError(f"model {name}: {one_line(error)}") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"model {name}: made {type(network).__name__}, not an nn.Module")
    model = AnyClassifier(network, num_classes, input_shape, name, is_table=bool(widths))
    if weights is not None:
        load_own_weights(model, weights)
    return checked(model)
