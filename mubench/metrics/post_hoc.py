"""The metrics that are added to finished sweeps, and with them every metric there is.

`score` must not import this, for ids of records cover all that it imports.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from mubench.catalogue import plugins
from mubench.errors import InputError, did_you_mean
from mubench.metrics import plugin_metrics
from mubench.metrics.info import METRICS, MetricInfo
from mubench.metrics.klom import FEWEST
from mubench.metrics.outputs import Evaluated
from mubench.metrics.related_models import Answers, NoValue, Related, Relation


@dataclass(frozen=True)
class Later:
    """A metric of one model and its relatives."""

    info: MetricInfo
    source: str
    """What computes it, as a root of content ids."""
    uses: tuple[Relation, ...]
    """Whose outputs decide a value."""
    compute: Callable[[Related], float]
    """Raises NoValue."""

    @property
    def name(self) -> str:
        """What records call it."""
        return self.info.name


def _later(info: MetricInfo, uses: tuple[Relation, ...], file: str) -> Later:
    """A metric that the function of its name computes; a plan reads it without scikit-learn."""
    source = f"{__package__}.{file}:{info.name}"
    return Later(info, source, uses, partial(_computed, source))


def _computed(source: str, related: Related) -> float:
    module, _, function = source.partition(":")
    return float(getattr(import_module(module), function)(related))


_LATER = (
    _later(
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
    _later(
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
    _later(
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
    _later(
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
    _later(
        MetricInfo(
            "klom",
            "KLOM",
            "nats",
            "lower",
            "KL divergence of margins on D_f between models of all train seeds and all Retrains of "
            f"one forget set, at least {FEWEST} a side (the paper has 100). All of a group share "
            "it; few models alone make it large, so compare it with Retrain's own.",
        ),
        ("siblings", "oracles"),
        "klom",
    ),
)

LATER: Mapping[str, Later] = {later.name: later for later in _LATER}
"""Those of the package by name, in the order in which they are shown."""


def all_metrics() -> Mapping[str, MetricInfo]:
    """Every metric by name: those of a step, later ones, and those of plug-ins last.

    Raises:
        InputError: a plug-in's card lacks a field, or takes a name of mubench's own.
    """
    known = plugin_metrics.all_metrics()
    for name in known.keys() & LATER.keys():
        raise InputError(f"metric plug-in {name}: mubench has a metric '{name}'; rename it")
    return {**METRICS, **{name: later.info for name, later in LATER.items()}, **known}


def later_metrics(names: Iterable[str] = ()) -> tuple[Later, ...]:
    """Those of the package and of plug-ins, or only those of these names.

    Raises:
        InputError: none of them has this name, or as `all_metrics`.
    """
    infos = all_metrics()
    found = [plugins.find_plugin("metrics", name) for name in plugins.names("metrics")]
    known = dict(LATER)
    known |= {p.name: _of_plugin(infos[p.name], p.module) for p in found if p is not None}
    for name in names:
        if name in infos and name not in known:
            raise InputError(f"metric {name}: sweeps record it themselves; nothing is to be added")
        if name not in known:
            raise InputError(f"metric {name}: unknown; {did_you_mean(name, known)}")
    return tuple(known[name] for name in dict.fromkeys(names or known))


def _of_plugin(info: MetricInfo, module: str) -> Later:
    uses: tuple[Relation, ...] = ("target", "retrained", "original")
    return Later(info, f"{module}:compute", uses, partial(_plugged_value, info.name))


def _plugged_value(name: str, related: Related) -> float:
    """What a sweep gives to `compute`, it gets here too."""
    target = _whole(related.target)
    assert target is not None
    values = plugin_metrics.plugged_values(
        target, _whole(related.retrained), _whole(related.original), related.forget_classes
    )
    if name not in values:
        raise NoValue("the plug-in gives none")
    return values[name]


def _whole(answers: Answers | None) -> Evaluated | None:
    if answers is None:
        return None
    return Evaluated(answers.forget, answers.retain, answers.holdout)
