"""Metrics that are added to completed sweeps, and the list of all metrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import chain
from typing import Any

from mubench.errors import InputError, did_you_mean
from mubench.metrics import plugin_metrics
from mubench.metrics.blocks import EVIDENCE, Evidence
from mubench.metrics.info import METRICS
from mubench.metrics.klom import FEWEST
from mubench.metrics.metric_info import MetricInfo
from mubench.metrics.outputs import Evaluated, SplitOutputs
from mubench.metrics.related_models import ModelContext, NoValue, Relation, Values


@dataclass(frozen=True)
class PostHocMetric:
    """A metric of one model and the models related to it, computed from stored outputs."""

    info: MetricInfo
    source: str
    """The function that computes it, as a root of content ids; metrics may share one."""
    uses: tuple[Relation, ...]
    """The models whose outputs decide a value."""
    compute: Callable[[ModelContext], Values]
    """Returns the value of each metric that shares the function. Raises NoValue for all of them."""

    @property
    def name(self) -> str:
        """Its key in records."""
        return self.info.name


def _built_in(info: MetricInfo, uses: tuple[Relation, ...], file: str) -> PostHocMetric:
    """A metric computed by the function of its name, which is imported when it is called."""
    source = f"{__package__}.{file}:{info.name}"
    return PostHocMetric(info, source, uses, lambda c: {info.name: float(_called(source, c))})


def _of_evidence(evidence: Evidence) -> Iterator[PostHocMetric]:
    """The metrics that the function of a file computes together."""
    source = f"{__package__}.evidence.{evidence.name}:{evidence.name}"
    for info in evidence.infos:
        yield PostHocMetric(info, source, evidence.uses, partial(_called, source))


def _called(source: str, context: ModelContext) -> Any:
    module, _, function = source.partition(":")
    return getattr(import_module(module), function)(context)


_BUILT_IN = (
    _built_in(
        MetricInfo(
            "rmia_auc",
            "RMIA AUC",
            "fraction",
            "match",
            "AUC of RMIA, which tells D_f from held-out examples like it by their confidence "
            "relative to other Retrains of the request; 0.5 is chance.",
        ),
        ("target", "references"),
        "rmia",
    ),
    _built_in(
        MetricInfo(
            "rmia_tpr_at_1",
            "RMIA TPR at 1 %",
            "fraction",
            "match",
            "Share of D_f that RMIA finds at 1 % false positives; needs 1,000 non-members.",
        ),
        ("target", "references"),
        "rmia",
    ),
    _built_in(
        MetricInfo(
            "ece_forget",
            "ECE (D_f)",
            "fraction",
            "match",
            "Expected calibration error on D_f, in 15 equal bins of the largest probability.",
        ),
        ("target",),
        "calibration",
    ),
    _built_in(
        MetricInfo(
            "ece_holdout",
            "ECE (held out)",
            "fraction",
            "match",
            "Expected calibration error on the held-out examples that TA counts.",
        ),
        ("target",),
        "calibration",
    ),
    _built_in(
        MetricInfo(
            "klom",
            "KLOM",
            "nats",
            "lower",
            "KL divergence of margins on D_f between models of all train seeds and all Retrains of "
            f"one forget set, at least {FEWEST} a side (the paper has 100). All of a group share "
            "it; few models alone make it large, so compare it with Retrain's own.",
        ),
        ("replicates", "retrains"),
        "klom",
    ),
)

_EVIDENCE = tuple(each for block in EVIDENCE.values() for each in block)

POST_HOC: Mapping[str, PostHocMetric] = {
    metric.name: metric for metric in (*_BUILT_IN, *chain(*map(_of_evidence, _EVIDENCE)))
}
"""The built-in ones by name, in the order in which they are shown."""


def all_metrics() -> Mapping[str, MetricInfo]:
    """Every metric by name: those of a step, post-hoc ones, and those of plug-ins last.

    Raises:
        InputError: a plug-in's card lacks a field, or takes a name of mubench's own.
    """
    of_steps = plugin_metrics.step_metrics()
    for name in of_steps.keys() & POST_HOC.keys():
        raise InputError(f"metric plug-in {name}: mubench has a metric '{name}'; rename it")
    return {**METRICS, **{name: metric.info for name, metric in POST_HOC.items()}, **of_steps}


def post_hoc_metrics(names: Iterable[str] = ()) -> tuple[PostHocMetric, ...]:
    """The built-in ones and those of plug-ins, or only those with these names.

    Raises:
        InputError: a name is unknown, or as `all_metrics`.
    """
    infos = all_metrics()
    known = dict(POST_HOC)
    known |= {p.name: _of_plugin(infos[p.name], p.module) for p in plugin_metrics.plugins_found()}
    for name in names:
        if name in infos and name not in known:
            raise InputError(f"metric {name}: sweeps already record it")
        if name not in known:
            raise InputError(f"metric {name}: unknown; {did_you_mean(name, known)}")
    return tuple(known[name] for name in dict.fromkeys(names or known))


def _of_plugin(info: MetricInfo, module: str) -> PostHocMetric:
    uses: tuple[Relation, ...] = ("target", "retrained", "original")
    return PostHocMetric(info, f"{module}:compute", uses, partial(_plugin_value, info.name))


def _plugin_value(name: str, context: ModelContext) -> Values:
    """The value of `compute` with the same arguments as in a sweep."""
    target = _evaluated(context.target)
    assert target is not None
    values = plugin_metrics.plugin_values(
        target, _evaluated(context.retrained), _evaluated(context.original), context.forget_classes
    )
    if name not in values:
        raise NoValue("the plug-in returned None")
    return {name: values[name]}


def _evaluated(outputs: SplitOutputs | None) -> Evaluated | None:
    if outputs is None:
        return None
    return Evaluated(outputs.forget, outputs.retain, outputs.holdout)
