"""From a sweep to its plan, without torch and Ray.

The same sweep gives the same plan on every machine with the same data, code and versions; of the
data only fingerprints are read.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

from mubench.data.availability import UNKNOWN, fingerprint
from mubench.data.scenario import Ids, Purpose, Scenario
from mubench.errors import InputError
from mubench.metrics.post_hoc import all_metrics
from mubench.models.recipe import Recipe
from mubench.sweep import step_ids
from mubench.sweep.evidence import Evidence
from mubench.sweep.grid import DatasetSpec, ForgetSpec, ModelSpec
from mubench.sweep.kinds import ORIGINAL, Device, StepKind
from mubench.sweep.plan import Plan
from mubench.sweep.request import Request, Training
from mubench.sweep.rows import Row
from mubench.sweep.size import lag_of, refusal_of
from mubench.sweep.spec import SeedAxis, SweepSpec
from mubench.sweep.steps import (
    Execution,
    FinalStep,
    RetrainStep,
    SearchStep,
    Step,
    Study,
    TrainStep,
)

_S = TypeVar("_S", TrainStep, RetrainStep, SearchStep, FinalStep)


def make_plan(spec: SweepSpec, device: Device = "cpu", data_dir: str | None = None) -> Plan:
    """Lay out a valid sweep on a kind of device.

    Where a card declares no fingerprint, the cache is asked for that of the files in `data_dir`.
    """
    all_metrics()  # a plug-in with a wrong card is refused before anything runs
    return _Planner(spec, device, data_dir).plan()


class _Referenced(NamedTuple):
    """A request with the original that has to forget and the Retrain that it is measured by."""

    request: Request
    train: TrainStep
    retrain: RetrainStep

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.train.id, self.retrain.id)


class _Planner:
    """Builds the steps of one sweep, cell by cell; equal steps of several cells are one step."""

    def __init__(self, spec: SweepSpec, device: Device, data_dir: str | None) -> None:
        self.spec = spec
        self.fingerprints = {
            data.label: fingerprint(data.card, data_dir) for data in spec.grid.dataset
        }
        self.device = device
        self.lag = lag_of(spec)
        self.steps: dict[str, Step] = {}
        self.studies: dict[str, Study] = {}
        self.cells: list[str] = []

    def plan(self) -> Plan:
        for dataset, model, forget in self.spec.grid.cells:
            self._cell(dataset, model, forget)
        labels = (row.label for row in (*self.spec.rows, *self.spec.control_rows))
        rows = (ORIGINAL, *dict.fromkeys(labels))
        unknown = tuple(name for name, known in self.fingerprints.items() if known == UNKNOWN)
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
            keep=self.spec.store.keep,
        )

    def _cell(self, dataset: DatasetSpec, model: ModelSpec, forget: ForgetSpec) -> None:
        searched = list(self._requests(dataset, model, forget, "search"))
        reported = list(self._requests(dataset, model, forget, "final"))
        self.cells.append(reported[0].cell)
        finals = [self._referenced(request) for request in reported]
        for final in finals:
            for replica in range(1, self.spec.floor + 1):
                self._replica(final, replica)
            self._original(final)
        unlearned: list[list[FinalStep]] = [[] for _ in finals]
        for row in self.spec.rows:
            refusal = refusal_of(row, model, forget.asks)
            studies = [] if refusal else self._studies(row, searched)
            for number, final in enumerate(finals):
                step = self._default(final, row, refusal)
                if studies:
                    step = self._tuned(final, studies[number % len(studies)])
                if refusal is None:
                    unlearned[number].append(step)
        for row in self.spec.control_rows:
            if refusal_of(row, model, forget.asks) is None:
                for final, steps in zip(finals, unlearned, strict=True):
                    self._control(final, row, steps)

    def _studies(self, row: Row, searched: Sequence[Request]) -> list[Study]:
        """The searches of a row; none where it has nothing to search."""
        if not row.space.free_dimensions:
            return []
        requests = [self._referenced(request) for request in searched]
        return [self._study(row, requests, repeat) for repeat in range(self.spec.search.repeats)]

    def _requests(
        self, dataset: DatasetSpec, model: ModelSpec, forget: ForgetSpec, purpose: Purpose
    ) -> Iterator[Request]:
        axis: SeedAxis = getattr(self.spec.seeds, purpose)
        scenarios = forget.scenarios(purpose, dataset.card)
        for scenario in scenarios:
            self._check_data(dataset, scenario)
        seeds = axis.forget if forget.is_drawn else (None,)
        combine = product if axis.pair == "product" else zip
        for (seed_forget, scenario), seed_train in combine(product(seeds, scenarios), axis.train):
            training = Training(
                dataset=dataset,
                data_id=self.fingerprints[dataset.label],
                model=model,
                recipe=self.spec.recipe(dataset.name, model.name),
                purpose=purpose,
                seed=seed_train,
            )
            yield Request(training, forget, scenario, seed_forget)

    def _check_data(self, dataset: DatasetSpec, scenario: Scenario) -> None:
        """Refuse ids that a file says are of other data; in another order they are others too."""
        known = self.fingerprints[dataset.label]
        if isinstance(scenario, Ids) and scenario.data and known not in (UNKNOWN, scenario.data):
            raise InputError(
                f"forget set {scenario.name}: its ids are of other data than '{dataset.name}' "
                f"(fingerprint {scenario.data[:12]}, not {known[:12]})"
            )

    def _referenced(self, request: Request) -> _Referenced:
        train = self._train(request.training)
        return _Referenced(request, train, self._retrain(request, train))

    def _train(self, training: Training) -> TrainStep:
        execution = self._execution("train", training.recipe)
        key = step_ids.train_id(training, execution)
        return self._add(TrainStep(id=key, needs=(), execution=execution, training=training))

    def _retrain(self, request: Request, train: TrainStep) -> RetrainStep:
        execution = self._execution("retrain", request.training.recipe)
        key = step_ids.retrain_id(request, 0, execution)
        return self._add(self._scored_retrain(request, key, execution, train))

    def _replica(self, of: _Referenced, replica: int) -> None:
        """Another Retrain, whose gap to the first is the noise floor."""
        request, train, anchor = of
        key = step_ids.retrain_id(request, replica, anchor.execution)
        self._add(self._scored_retrain(request, key, anchor.execution, train, replica, anchor))

    def _scored_retrain(
        self,
        request: Request,
        unlearn_id: str,
        execution: Execution,
        train: TrainStep,
        replica: int = 0,
        anchor: RetrainStep | None = None,
    ) -> RetrainStep:
        """A Retrain; a reported one waits for the original if evidence compares the two."""
        evidence = self.spec.evidence.on_weights if request.purpose == "final" else Evidence()
        anchor_id = None if anchor is None else anchor.unlearn_id
        train_id = train.unlearn_id if evidence else None
        needs = [train.id] if evidence else []
        return RetrainStep(
            id=step_ids.scored_retrain_id(unlearn_id, anchor_id, train_id, evidence),
            unlearn_id=unlearn_id,
            needs=(*needs, *([anchor.id] if anchor else [])),
            execution=execution,
            request=request,
            replica=replica,
            retrain_id=anchor_id,
            train_id=train_id,
            evidence=evidence,
        )

    def _study(self, row: Row, requests: list[_Referenced], repeat: int) -> Study:
        """A search of a row; each repeat begins on another of the search requests."""
        search, first = self.spec.search, repeat % len(requests)
        order = [*requests[first:], *requests[:first]]
        execution = self._execution("search")
        key = step_ids.study_id(row, search, execution, order[0], repeat, self.lag)
        places = search.places(len(order))
        rounds: list[tuple[str, ...]] = []
        for number, (request, train, retrain) in enumerate(order):
            steps: list[str] = []
            for place in range(places[number]):
                known = order[: number + 1]
                step_id = step_ids.search_id(key, places[: number + 1], place, known)
                before = rounds[-1] if rounds else self._known(steps)
                step = SearchStep(
                    id=step_id,
                    needs=(train.id, retrain.id, *before),
                    execution=execution,
                    request=request,
                    train_id=train.unlearn_id,
                    retrain_id=retrain.unlearn_id,
                    row=row,
                    study_id=key,
                    repeat=repeat,
                    round=number,
                    place=place,
                    trials=search.trials,
                    objective=search.objective,
                )
                steps.append(self._add(step).id)
            rounds.append(tuple(steps))
        study = Study(
            id=key,
            cell=order[0].request.cell,
            row=row,
            repeat=repeat,
            startup=search.startup,
            sampler=search.sampler,
            lag=self.lag,
            rounds=tuple(rounds),
        )
        self.studies[key] = study
        return study

    def _known(self, candidates: list[str]) -> list[str]:
        """What the next candidate waits for.

        Suggestion k knows candidates 0 to k - lag; these wait for all before them.
        """
        number = len(candidates)
        first = max(0, number - 2 * self.lag + 1)
        return candidates[first : max(0, number - self.lag + 1)]

    def _original(self, of: _Referenced) -> None:
        """What the original itself answers; nothing is unlearned."""
        self._final(of, step_ids.original_id(of.request, of.train.unlearn_id))

    def _default(self, of: _Referenced, row: Row, refusal: str | None) -> FinalStep:
        execution = self._execution("final")
        key = step_ids.default_id(row, of.request, of.train.unlearn_id, execution)
        if refusal is not None:
            key = step_ids.refused_id(key, refusal)
        return self._final(of, key, row, refusal=refusal)

    def _tuned(self, of: _Referenced, study: Study) -> FinalStep:
        key = step_ids.tuned_id(study, of.request, of.train.unlearn_id, self._execution("final"))
        return self._final(of, key, study.row, study=study)

    def _control(self, of: _Referenced, row: Row, beside: Sequence[FinalStep]) -> None:
        """A control row; a step of random direction is as long as those of the methods."""
        matches = tuple(beside) if row.space.free_dimensions else ()
        if row.space.free_dimensions and not matches:
            return
        execution = self._execution("final")
        ids = [step.unlearn_id for step in matches]
        key = step_ids.control_id(row, of.request, of.train.unlearn_id, execution, ids)
        self._final(of, key, row, is_control=True, matches=matches)

    def _final(
        self,
        of: _Referenced,
        unlearn_id: str,
        row: Row | None = None,
        *,
        study: Study | None = None,
        refusal: str | None = None,
        is_control: bool = False,
        matches: tuple[FinalStep, ...] = (),
    ) -> FinalStep:
        request, train, retrain = of
        diagnostics = self.spec.diagnostics.of(row.space.defaults if row else None)
        evidence = self.spec.evidence.on_weights if refusal is None else Evidence()
        searched = study.rounds[-1] if study else ()  # these wait for all others
        matched = tuple(step.id for step in matches)
        return self._add(
            FinalStep(
                id=step_ids.scored_id(unlearn_id, retrain.unlearn_id, diagnostics, evidence),
                unlearn_id=unlearn_id,
                needs=(train.id, retrain.id, *searched, *matched),
                execution=self._execution("final"),
                request=request,
                train_id=train.unlearn_id,
                retrain_id=retrain.unlearn_id,
                row=row,
                study=study,
                refusal=refusal,
                is_control=is_control,
                matches=matched,
                diagnostics=diagnostics,
                evidence=evidence,
            )
        )

    def _add(self, step: _S) -> _S:
        """Add a step, unless another cell asked for it already."""
        self.steps.setdefault(step.id, step)
        return step

    def _execution(self, kind: StepKind, recipe: Recipe | None = None) -> Execution:
        """How steps of a kind run; trainings have the precision of their recipe."""
        return Execution(
            device=self.device,
            resources=self.spec.resources.of(kind),
            limit_seconds=getattr(self.spec.limits, kind),
            precision=recipe.precision if recipe is not None else self.spec.precision,
            checkpoint_seconds=self.spec.checkpoint.total_seconds(),
            is_portable=self.spec.portable,
            has_tf32=self.spec.tf32 and self.device == "cuda",
            keeps_weights=self.spec.store.keep == "weights" and kind == "final",
        )
