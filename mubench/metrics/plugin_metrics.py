"""Metrics from outside of the package: what their cards say, and what they compute."""

import math
from collections.abc import Mapping
from importlib import import_module
from typing import get_args

import yaml

from mubench.catalogue import plugins
from mubench.errors import InputError, did_you_mean
from mubench.metrics.info import METRICS, Aim, MetricInfo
from mubench.metrics.outputs import Evaluated

_FIELDS = ("title", "unit", "aim", "description")


def all_metrics() -> Mapping[str, MetricInfo]:
    """Every metric by name, those of plug-ins last.

    Raises:
        InputError: a card lacks a field, or takes a name of mubench's own.
    """
    return {**METRICS, **{plugin.name: _info(plugin) for plugin in _found()}}


def metric_sources() -> list[str]:
    """The functions of metric plug-ins, as roots of content ids: they are part of what scores."""
    return [f"{plugin.module}:compute" for plugin in _found()]


def plugged_values(
    unlearned: Evaluated,
    retrained: Evaluated | None,
    original: Evaluated | None,
    forget_classes: tuple[int, ...],
) -> dict[str, float]:
    """What each plug-in's `compute` gives; None leaves its metric out.

    Raises:
        InputError: a plug-in has no `compute`, or gives no finite number.
    """
    values: dict[str, float] = {}
    for plugin in _found():
        compute = getattr(import_module(plugin.module), "compute", None)
        if compute is None:
            raise InputError(f"{plugin.where}: a metric needs a function `compute`")
        value = compute(unlearned, retrained, original, forget_classes)
        if value is None:
            continue
        if not math.isfinite(value):
            raise InputError(f"{plugin.where}: compute gave {value}; give None for no value")
        values[plugin.name] = float(value)
    return values


def _found() -> list[plugins.Plugin]:
    found = [plugins.find("metrics", name) for name in plugins.names("metrics")]
    return [plugin for plugin in found if plugin is not None]


def _info(plugin: plugins.Plugin) -> MetricInfo:
    card = yaml.safe_load(plugin.card)
    if card.get("name") != plugin.name:
        raise InputError(f"{plugin.where}: its card must have `name: {plugin.name}`, as its file")
    for name in _FIELDS:
        if name not in card:
            raise InputError(f"{plugin.where}: its card lacks '{name}'")
    if card["aim"] not in get_args(Aim):
        hint = did_you_mean(str(card["aim"]), get_args(Aim))
        raise InputError(f"{plugin.where}: aim: '{card['aim']}' is unknown; {hint}")
    if plugin.name in METRICS:
        raise InputError(f"{plugin.where}: mubench has a metric '{plugin.name}'; rename it")
    return MetricInfo(plugin.name, *(card[name] for name in _FIELDS))
