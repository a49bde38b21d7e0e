"""From a sweep to its plan. Pure: no data, no torch, no Ray; the same sweep gives the same plan."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import product
from typing import Any, Literal

from mubench.catalogue import cards
from mubench.catalogue.cards import ORIGINS
from mubench.catalogue.ids import content_id, package_version, source_id
from mubench.catalogue.registry import method_source
from mubench.catalogue.search_space import Scalar
from mubench.data.fingerprint import UNKNOWN, fingerprint
from mubench.data.scenario import Ids, Purpose, Scenario
from mubench.errors import InputError
from mubench.metrics.plugin_metrics import metric_sources
from mubench.metrics.post_hoc import all_metrics
from mubench.models.recipe import Recipe
from mubench.store.record import Kind
from mubench.sweep.diagnostics import Diagnostics
from mubench.sweep.grid import DatasetSpec, ForgetSpec, ModelSpec
from mubench.sweep.plan import ORIGINAL, Device, Plan, Request, Step, Study
from mubench.sweep.pretrained import origin_ids
from mubench.sweep.rows import Row
from mubench.sweep.spec import SeedAxis, SweepSpec

# What decides results, as roots of content ids.
_TRAINING = tuple(f"mubench.run.references:{name}" for name in ("new_model", "train", "evaluate"))
_FORGETTING = (
    "mubench.data.forget_sets:divide",
    "mubench.models.training.cost_meter:flops_per_example",
)
_SCORE = "mubench.metrics.score:score"
_OBJECTIVES = {
    "avg_gap": "mubench.metrics.objective:objective_gap",
    "retrain_free": "mubench.metrics.objective:retrain_free_gap",
}
_SUGGEST = "mubench.run.tune.suggest:suggest"
_PROSE = ("title", "citation", "description", "note", "uri")
_PLACES = ("sources", "modules", "module", "builder")
"""Where a card says its code is: that code is in ids by what it does."""


def make_plan(spec: SweepSpec, device: Device = "cpu", data_dir: str | None = None) -> Plan:
    """Lay out a valid sweep on a kind of device.

    Where a card declares no fingerprint, the cache is asked for that of the files in `data_dir`.
    """
    all_metrics()  # a plug-in with a wrong card is refused before anything runs
    return _Planner(spec, device, data_dir).plan()


def sources_of(plan: Plan) -> tuple[str, ...]:
    """The code that decides what a plan's steps find, as roots of content ids."""
    found = {*_TRAINING, *_FORGETTING, _SCORE, *_OBJECTIVES.values(), *metric_sources()}
    for step in plan.steps.values():
        found |= set(_sources(step))
        if step.method and step.method != ORIGINAL:
            found.add(method_source(step.method))
        found |= set(step.diagnostics.sources)
    return tuple(sorted(found))


class _Planner:
    """Builds the steps of one sweep, cell by cell; equal steps of several cells are one step."""

    def __init__(self, spec: SweepSpec, device: Device, data_dir: str | None) -> None:
        self.spec = spec
        self.fingerprints = {
            data.label: fingerprint(data.card, data_dir) for data in spec.grid.dataset
        }
        self.device = device
        self.steps: dict[str, Step] = {}
        self.studies: dict[str, Study] = {}
        self.cells: list[str] = []

    def plan(self) -> Plan:
        for dataset, model, forget in self.spec.grid.cells:
            self._cell(dataset, model, forget)
        rows = (ORIGINAL, *(row.label for row in self.spec.rows))
        unknown = tuple(name for name, found in self.fingerprints.items() if found == UNKNOWN)
        return Plan(
            name=self.spec.name,
            steps=self.steps,
            studies=self.studies,
            cells=tuple(self.cells),
            rows=rows,
            device=self.device,
            unknown_data=unknown,
            published=self.spec.published,
            claims=self.spec.resolved_claims,
        )

    def _cell(self, dataset: DatasetSpec, model: ModelSpec, forget: ForgetSpec) -> None:
        searched = list(self._requests(dataset, model, forget, "search"))
        reported = list(self._requests(dataset, model, forget, "final"))
        self.cells.append(reported[0].cell)
        finals = [(request, *self._references(request)) for request in reported]
        for request, train, retrain in finals:
            for replica in range(1, self.spec.floor + 1):
                self._retrain(request, replica, retrain)
            self._final(request, train, retrain, None, "")
        for row in self.spec.rows:
            refusal = self._refusal(row, finals[0][0])
            study = None
            if row.space.free_dimensions and refusal is None:
                study = self._study(row, searched)
            for request, train, retrain in finals:
                self._final(request, train, retrain, row, "default", refusal=refusal or "")
                if study is not None:
                    self._final(request, train, retrain, row, "tuned", study=study)

    def _requests(
        self, dataset: DatasetSpec, model: ModelSpec, forget: ForgetSpec, purpose: Purpose
    ) -> Iterator[Request]:
        axis: SeedAxis = getattr(self.spec.seeds, purpose)
        scenarios = forget.scenarios(purpose, dataset.card)
        for scenario in scenarios:
            self._check_data(dataset, scenario)
        seeds = axis.forget if forget.is_drawn else (-1,)
        combine = product if axis.pair == "product" else zip
        for (seed_forget, scenario), seed_train in combine(product(seeds, scenarios), axis.train):
            yield Request(dataset, model, forget, purpose, seed_train, seed_forget, scenario)

    def _check_data(self, dataset: DatasetSpec, scenario: Scenario) -> None:
        """Refuse ids that a file says are of other data; in another order they are others too."""
        found = self.fingerprints[dataset.label]
        if isinstance(scenario, Ids) and scenario.data and found not in (UNKNOWN, scenario.data):
            raise InputError(
                f"forget set {scenario.name}: its ids are of other data than '{dataset.name}' "
                f"(fingerprint {scenario.data[:12]}, not {found[:12]})"
            )

    def _references(self, request: Request) -> tuple[Step, Step]:
        train = self._train(request)
        return train, self._retrain(request, 0, None)

    def _train(self, request: Request) -> Step:
        identity = self._training_identity(request)
        key = content_id("train", identity, source_id(*_TRAINING, *_sources(request)))
        return self._add("train", request, key, key, (), request=None)

    def _retrain(self, request: Request, replica: int, anchor: Step | None) -> Step:
        """Retrain, or with an `anchor` one of the extra ones whose gap to it is the noise floor."""
        code = source_id(*_TRAINING, *_FORGETTING, *_sources(request))
        identity = self._training_identity(request)
        key = content_id("retrain", identity, request.identity, replica, code)
        anchor_id = anchor.unlearn_id if anchor else ""
        return self._add(
            "retrain",
            request,
            content_id(key, anchor_id, _scoring()),
            key,
            (anchor.id,) if anchor else (),
            replica=replica,
            retrain_id=anchor_id,
        )

    def _study(self, row: Row, requests: list[Request]) -> Study:
        search = self.spec.search
        references = [(request, *self._references(request)) for request in requests]
        key = content_id(
            "study",
            self._method_identity(row, "search", requests[0]),
            _described(row.space),
            {"sampler": search.sampler, "startup": search.startup, "lag": search.lag},
            search.objective,
            package_version("optuna"),
            source_id(_SUGGEST, _OBJECTIVES[search.objective]),
            [(train.id, retrain.unlearn_id, r.identity) for r, train, retrain in references],
        )
        candidates: list[tuple[str, ...]] = []
        for k in range(search.trials):
            ids = []
            for request, train, retrain in references:
                step_id = content_id("search", key, k, request.name)
                # Suggestion k is told of candidates 0 to k - lag; these wait for all before them.
                told = candidates[max(0, k - 2 * search.lag + 1) : max(0, k - search.lag + 1)]
                before = tuple(step for group in told for step in group)
                step = self._add(
                    "search",
                    request,
                    step_id,
                    step_id,
                    (train.id, retrain.id, *before),
                    train_id=train.unlearn_id,
                    retrain_id=retrain.unlearn_id,
                    method=row.method,
                    row=row.label,
                    given=row.given,
                    study=key,
                    candidate=k,
                    trials=search.trials,
                    free_dimensions=row.space.free_dimensions,
                )
                ids.append(step.id)
            candidates.append(tuple(ids))
        study = Study(
            key,
            requests[0].cell,
            row,
            search.trials,
            search.startup,
            search.sampler,
            search.lag,
            tuple(candidates),
        )
        self.studies[key] = study
        return study

    def _final(
        self,
        request: Request,
        train: Step,
        retrain: Step,
        row: Row | None,
        selection: Literal["default", "tuned", ""],
        *,
        study: Study | None = None,
        refusal: str = "",
    ) -> Step:
        needs: tuple[str, ...] = (train.id, retrain.id)
        params: Mapping[str, Scalar] = {}
        if row is None:
            unlearned = content_id("original", train.unlearn_id, request.identity)
        elif study is None:
            params = row.space.defaults
            identity = self._method_identity(row, "final", request)
            unlearned = content_id(
                "default", row.label, identity, params, train.unlearn_id, request.identity
            )
        else:
            needs += tuple(step for group in study.steps for step in group)
            identity = self._method_identity(row, "final", request)
            unlearned = content_id(
                "tuned", study.id, study.trials, identity, train.unlearn_id, request.identity
            )
        if refusal:  # a card that no longer refuses makes another step of it
            unlearned = content_id("refused", unlearned, refusal)
        diagnostics = self.spec.diagnostics.of(row.space.defaults if row else None)
        return self._add(
            "final",
            request,
            content_id(unlearned, retrain.unlearn_id, _scoring(), *_asked(diagnostics)),
            unlearned,
            needs,
            train_id=train.unlearn_id,
            retrain_id=retrain.unlearn_id,
            method=row.method if row else ORIGINAL,
            row=row.label if row else ORIGINAL,
            given=row.given if row else {},
            selection=selection,
            params=params,
            study=study.id if study else "",
            trials=study.trials if study else 0,
            free_dimensions=row.space.free_dimensions if row else 0,
            refusal=refusal,
            diagnostics=diagnostics,
        )

    def _add(
        self,
        kind: Kind,
        at: Request,
        step_id: str,
        unlearn_id: str,
        needs: tuple[str, ...],
        **fields: Any,
    ) -> Step:
        fields.setdefault("request", at)
        recipe = self.spec.recipe(at.dataset.name, at.model.name)
        step = Step(
            id=step_id,
            unlearn_id=unlearn_id,
            kind=kind,
            needs=needs,
            dataset=at.dataset,
            model=at.model,
            recipe=recipe,
            purpose=at.purpose,
            seed_train=at.seed_train,
            device=self.device,
            resources=self.spec.resources.of(kind),
            limit_seconds=getattr(self.spec.limits, kind),
            precision=self._precision(kind, recipe),
            data_id=self.fingerprints[at.dataset.label],
            objective=self.spec.search.objective,
            **fields,
        )
        return self.steps.setdefault(step.id, step)

    def _precision(self, kind: Kind, recipe: Recipe) -> Literal["float32", "bfloat16"]:
        """Trainings follow their recipe, unlearning the sweep."""
        return recipe.precision if kind in ("train", "retrain") else self.spec.precision

    def _refusal(self, row: Row, request: Request) -> str | None:
        card = cards.method(row.method)
        model = request.model.card
        return card.refusal(request.forget.scenario, model.modality, model.family)

    def _training_identity(self, request: Request) -> dict[str, Any]:
        return {
            "dataset": _facts(request.dataset.card.card),
            "data": self.fingerprints[request.dataset.label],
            "options": request.dataset.options,
            "model": _facts(request.model.card.card),
            "pretrained": origin_ids(request.model.card),
            "recipe": self.spec.recipe(request.dataset.name, request.model.name).identity,
            "seed": request.seed_train,
            "purpose": request.purpose,  # decides whether test outputs are made at all
            **self._platform("train"),
        }

    def _method_identity(
        self, row: Row, kind: Literal["search", "final"], at: Request
    ) -> list[Any]:
        code = source_id(method_source(row.method), *_FORGETTING, *_sources(at))
        version = cards.method(row.method).version
        return [row.method, version, self.spec.precision, self._platform(kind), code]

    def _platform(self, kind: Kind) -> dict[str, Any]:
        threads = max(1, int(self.spec.resources.of(kind).cpu))
        return {"torch": package_version("torch"), "device": self.device, "threads": threads}


def _sources(at: Request | Step) -> tuple[str, ...]:
    """What reads its data set and builds its model, as roots of content ids."""
    data, model = at.dataset.card, at.model.card
    read = tuple(f"{module}:read" for module in data.modules)
    return ("mubench.data.dataset:load", *read, f"{model.module}:{model.card['builder']}")


def _scoring() -> str:
    return source_id(_SCORE, *metric_sources())


def _asked(diagnostics: Diagnostics) -> list[Any]:
    """What diagnostics add to an id: nothing where none are asked for."""
    if not diagnostics.sources:
        return []
    return [diagnostics.model_dump(), source_id(*diagnostics.sources)]


def _facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card without its prose and its places, which decide nothing."""
    facts = {key: value for key, value in card.items() if key not in (*_PROSE, *_PLACES)}
    if "arguments" in card:
        facts["arguments"] = {k: v for k, v in card["arguments"].items() if k not in ORIGINS}
    return facts


def _described(value: Any) -> Any:
    """Ranges by what their code does with which values: a class may be called otherwise."""
    if is_dataclass(value) and not isinstance(value, type):
        values = {part.name: _described(getattr(value, part.name)) for part in fields(value)}
        return [source_id(f"{type(value).__module__}:{type(value).__name__}"), values]
    return [_described(each) for each in value] if isinstance(value, tuple) else value
