"""Metrics of plug-ins: their cards and their values."""

import math
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Literal

from mubench.catalogue import plugins
from mubench.catalogue.validation import Strict, validated
from mubench.catalogue.yaml_document import Document
from mubench.errors import InputError
from mubench.metrics.info import METRICS
from mubench.metrics.metric_info import Aim, MetricInfo, Unit
from mubench.metrics.outputs import Evaluated


class MetricCard(Strict):
    """A metric of a plug-in: what its number means."""

    kind: Literal["metrics"]
    name: str
    title: str
    unit: Unit
    aim: Aim
    description: str

    @property
    def info(self) -> MetricInfo:
        """The same, as for metrics of the package."""
        return MetricInfo(self.name, self.title, self.unit, self.aim, self.description)


def step_metrics() -> Mapping[str, MetricInfo]:
    """Every metric that a step records by name, those of plug-ins last.

    Raises:
        InputError: a card lacks a field, or takes a name of mubench's own.
    """
    return {**METRICS, **{plugin.name: _info(plugin) for plugin in plugins_found()}}


def metric_sources() -> list[str]:
    """The functions of metric plug-ins, as roots of content ids: they are part of what scores."""
    return [f"{plugin.module}:compute" for plugin in plugins_found()]


def plugin_values(
    unlearned: Evaluated,
    retrained: Evaluated | None,
    original: Evaluated | None,
    forget_classes: tuple[int, ...],
) -> dict[str, float]:
    """The value of each plug-in's `compute`; None leaves its metric out.

    Raises:
        InputError: a plug-in has no `compute`, or gives no finite number.
    """
    values: dict[str, float] = {}
    for plugin in plugins_found():
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


def plugins_found() -> list[plugins.Plugin]:
    """The metric plug-ins."""
    found = [plugins.find_plugin("metrics", name) for name in plugins.names("metrics")]
    return [plugin for plugin in found if plugin is not None]


def _info(plugin: plugins.Plugin) -> MetricInfo:
    document = Document(plugin.card, str(Path(plugin.where).with_suffix(".yaml")))
    card = validated(MetricCard, document)
    if card.name != plugin.name:
        raise document.error(f"name: must be '{plugin.name}', the name of the file")
    if plugin.name in METRICS:
        raise InputError(f"{plugin.where}: mubench has a metric '{plugin.name}'; rename it")
    return card.info
