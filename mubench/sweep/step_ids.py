"""What goes into the id of each step: all that decides its result, and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from mubench.catalogue import cards
from mubench.catalogue.ids import content_id, package_version, source_id
from mubench.catalogue.registry import method_source
from mubench.metrics.plugin_metrics import metric_sources
from mubench.sweep.diagnostics import Diagnostics
from mubench.sweep.evidence import Evidence
from mubench.sweep.pretrained import origin_ids
from mubench.sweep.request import Request, Training
from mubench.sweep.rows import Row
from mubench.sweep.spec import SearchSpec
from mubench.sweep.steps import (
    Execution,
    FinalStep,
    RetrainStep,
    SearchStep,
    Step,
    Study,
    TrainStep,
)

# What decides results, as roots of content ids.
_REFERENCES = ("new_model", "training_seed", "train", "evaluate")
_LAYERS = "mubench.run.workspace:seed_layers"
_TRAINING = (_LAYERS, *(f"mubench.run.references:{name}" for name in _REFERENCES))
_FORGETTING = (
    "mubench.data.forget_sets:split_forget_retain",
    "mubench.models.training.cost_meter:flops_per_example",
)
_UNLEARNING = (
    _LAYERS,
    *_FORGETTING,
    "mubench.run.unlearning:unlearn",
    "mubench.run.sequence:unlearn_parts",
    "mubench.models.training.cost_meter:weight_change",
)
_SCORE = "mubench.metrics.score:score"
_OBJECTIVE = "mubench.metrics.objective:search_values"
_SUGGEST = "mubench.run.tune.suggest:suggest"
_RACE = "mubench.run.tune.race:promoted"
_SELECT = "mubench.run.tune.race:select"
_CHANGE = "mubench.run.tune.controls:median_change"


def train_id(training: Training, execution: Execution) -> str:
    """An original: its training and the code that trains."""
    code = source_id(*_TRAINING, *_sources(training))
    return content_id("train", _trained(training, execution), code)


def retrain_id(request: Request, replica: int, execution: Execution) -> str:
    """Outputs of a Retrain: its training, D_f, and the code that draws and trains."""
    training = request.training
    code = source_id(*_TRAINING, *_FORGETTING, *_sources(training))
    return content_id("retrain", _trained(training, execution), request.identity, replica, code)


def scored_retrain_id(
    unlearn_id: str, anchor_id: str | None, train: str | None, evidence: Evidence
) -> str:
    """A Retrain's scores: its outputs, the Retrain that it is compared with, and the metrics.

    With evidence if any, the original too, which that compares it with.
    """
    examined = [train, *_asked(evidence)] if evidence else []
    return content_id(unlearn_id, anchor_id or "", _scoring(), *examined)


def study_id(
    row: Row,
    search: SearchSpec,
    execution: Execution,
    reference: tuple[Request, TrainStep, RetrainStep],
    repeat: int,
    lag: int,
) -> str:
    """A search: its method and space, how candidates are chosen and judged, and on what first.

    A larger budget or another request after the first leaves the candidates what they are.
    """
    request = reference[0]
    return content_id(
        "study",
        (row.label, repeat),  # candidates are drawn from a seed that they are part of
        _method(row, request.training, execution),
        _described(row.space),
        {"sampler": search.sampler, "startup": search.startup, "lag": lag},
        search.objective,
        package_version("optuna"),
        source_id(_SUGGEST, _OBJECTIVE),
        _on(reference),
    )


def search_id(
    study: str,
    places: Sequence[int],
    place: int,
    references: Sequence[tuple[Request, TrainStep, RetrainStep]],
) -> str:
    """One candidate on the last of these requests; the study covers the rest.

    `places` counts the candidates on each: which of them goes on depends on all that came before.
    """
    request = references[-1][0]
    if len(references) == 1:
        return content_id("search", study, place, request.name)
    before = [_on(reference) for reference in references]
    return content_id("search", study, list(places), source_id(_RACE), before, place)


def original_id(request: Request, train: str) -> str:
    """Outputs of the original on a request."""
    return content_id("original", train, request.identity)


def default_id(row: Row, request: Request, train: str, execution: Execution) -> str:
    """Outputs of a method with default hyperparameters."""
    method = _method(row, request.training, execution)
    return content_id("default", row.label, method, row.space.defaults, train, request.identity)


def tuned_id(study: Study, request: Request, train: str, execution: Execution) -> str:
    """Outputs of a method with hyperparameters that a search chose."""
    method = _method(study.row, request.training, execution)
    code = source_id(_SELECT)
    return content_id("tuned", study.id, study.rounds[-1], code, method, train, request.identity)


def control_id(
    row: Row, request: Request, train: str, execution: Execution, matches: Sequence[str]
) -> str:
    """Outputs of a control, whose size those of the steps that it `matches` decide."""
    method = _method(row, request.training, execution)
    code = source_id(_CHANGE)
    return content_id("control", method, list(matches), code, train, request.identity)


def refused_id(unlearn_id: str, refusal: str) -> str:
    """A step that a method refuses: a card that no longer refuses makes another step of it."""
    return content_id("refused", unlearn_id, refusal)


def scored_id(unlearn_id: str, retrain: str, diagnostics: Diagnostics, evidence: Evidence) -> str:
    """A final step's scores: its outputs, Retrain's, the metrics; diagnostics, evidence if any."""
    return content_id(unlearn_id, retrain, _scoring(), *_asked(diagnostics), *_asked(evidence))


def sources_of(steps: Iterable[Step]) -> tuple[str, ...]:
    """The code that decides what steps find, as roots of content ids."""
    roots = {*_TRAINING, *_UNLEARNING, _SCORE, _OBJECTIVE, *metric_sources()}
    roots |= {_SUGGEST, _RACE, _SELECT, _CHANGE}
    for step in steps:
        roots |= set(_sources(step.training))
        if isinstance(step, SearchStep | FinalStep) and step.row is not None:
            roots.add(method_source(step.row.method))
        if isinstance(step, FinalStep):
            roots |= set(step.diagnostics.sources)
        if isinstance(step, RetrainStep | FinalStep):
            roots |= set(step.evidence.sources)
    return tuple(sorted(roots))


def _on(reference: tuple[Request, TrainStep, RetrainStep]) -> list[Any]:
    request, train, retrain = reference
    return [train.id, retrain.unlearn_id, request.identity]


def _trained(training: Training, execution: Execution) -> dict[str, Any]:
    return {
        "dataset": training.dataset.card.facts,
        "data": training.data_id,
        "options": training.dataset.options,
        "model": training.model.card.facts,
        "pretrained": origin_ids(training.model.card),
        "recipe": training.recipe.identity,
        "seed": training.seed,
        "purpose": training.purpose,  # decides whether test outputs are made at all
        **_platform(execution),
    }


def _method(row: Row, training: Training, execution: Execution) -> list[Any]:
    code = source_id(method_source(row.method), *_UNLEARNING, *_sources(training))
    version = cards.method(row.method).version
    return [row.method, version, execution.precision, _platform(execution), code]


def _platform(execution: Execution) -> dict[str, Any]:
    torch = package_version("torch")
    platform: dict[str, Any] = {
        "torch": torch,
        "device": execution.device,
        "threads": execution.threads,
    }
    if execution.is_portable:
        platform["instructions"] = "AVX2"
    if execution.has_tf32:
        platform["tf32"] = True
    return platform


def _sources(training: Training) -> tuple[str, ...]:
    """What reads its data set and builds its model, as roots of content ids."""
    data, model = training.dataset.card, training.model.card
    read = tuple(f"{module}:read" for module in data.modules)
    build = (f"{model.module}:{model.card['builder']}", *model.code)
    return ("mubench.data.dataset:load_dataset", *read, *build)


def _scoring() -> str:
    return source_id(_SCORE, *metric_sources())


def _asked(extra: Diagnostics | Evidence) -> list[Any]:
    """What diagnostics or evidence add to an id: nothing where none are asked for."""
    return [extra.model_dump(), source_id(*extra.sources)] if extra.sources else []


def _described(value: Any) -> Any:
    """Ranges by what their code does with which values: a class may be called otherwise."""
    if is_dataclass(value) and not isinstance(value, type):
        values = {part.name: _described(getattr(value, part.name)) for part in fields(value)}
        return [source_id(f"{type(value).__module__}:{type(value).__name__}"), values]
    return [_described(each) for each in value] if isinstance(value, tuple) else value
