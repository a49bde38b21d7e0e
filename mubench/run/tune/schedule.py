"""The order of a plan's steps: which is ready, with which hyperparameters, what a result releases.

Pure: it knows neither Ray nor the clock, so that one worker or a hundred give the same sweep.
"""

import math
from collections import Counter
from collections.abc import Mapping

from mubench.run.tune.controls import median_change
from mubench.run.tune.messages import ReadyStep
from mubench.run.tune.pool import Share
from mubench.run.tune.race import Race, promoted, select
from mubench.run.tune.ready import Place, ReadySteps
from mubench.run.tune.suggest import ScoredCandidate, Searches, suggest
from mubench.store.record import WORST, Record
from mubench.sweep.kinds import STEP_KINDS
from mubench.sweep.parallelism import TRIALS
from mubench.sweep.plan import Plan
from mubench.sweep.steps import Candidate, FinalStep, SearchStep, Step, Study

_ORDER = {kind: number for number, kind in enumerate(STEP_KINDS)}


class Schedule:
    """The state of one run: steps that are completed, ready, running, or blocked by a failure."""

    def __init__(self, plan: Plan, done: Mapping[str, Record]) -> None:
        self.plan = plan
        self.records = {key: record for key, record in done.items() if key in plan.steps}
        self.blocked: set[str] = set()
        self.running: set[str] = set()
        self._dependants: dict[str, list[str]] = {key: [] for key in plan.steps}
        self._missing: dict[str, int] = {}
        self._ready: dict[Share, ReadySteps] = {}
        self._places: dict[str, Place] = {}
        self.trials_left: Counter[Share] = Counter()
        self._searches = Searches()
        self._register()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left that could run."""
        return not self.running and not any(self._ready.values())

    @property
    def left(self) -> int:
        """How many steps have no record yet and are not blocked."""
        return len(self.plan.steps) - len(self.records) - len(self.blocked)

    def shares(self, left: float = math.inf) -> list[Share]:
        """What ready steps ask for; the share of the step that should run first is the first.

        `left` says for how many trials all workers are busy still: a step is urgent beside it.
        """
        ready = ((steps.first(left), share) for share, steps in self._ready.items() if steps)
        return [share for _, share in sorted(ready)]

    def ready(self, share: Share) -> int:
        """How many steps of a share are ready."""
        return len(self._ready.get(share, ()))

    def matters_more(self, share: Share, other: Share, left: float) -> bool:
        """Whether the steps of a share are worth ending workers of the other: far more urgent."""
        mine, theirs = self._ready[share], self._ready.get(other)
        return mine.is_urgent(left) and (not theirs or mine.longest >= 2 * theirs.longest)

    def next(self, share: Share | None = None, left: float = math.inf) -> ReadyStep | None:
        """The next ready step, now running: of a share, or of the share that comes first."""
        if share is None:
            share = next(iter(self.shares(left)), None)
        if share is None or not self._ready.get(share):
            return None
        key = self._ready[share].pop(left)
        self.running.add(key)
        return self._prepare(self.plan.steps[key])

    def put_back(self, step: Step) -> None:
        """Make a running step that was stopped ready again."""
        self.running.discard(step.id)
        self._push(step.id)

    def finish(self, record: Record) -> None:
        """Take a step's record; what waited for it becomes ready, or blocked if it failed."""
        self.running.discard(record.id)
        self.records[record.id] = record
        step = self.plan.steps[record.id]
        self.trials_left[Share.of(step)] -= TRIALS[step.kind]
        self._release(record)

    def _register(self) -> None:
        for key, step in self.plan.steps.items():
            if key in self.records:
                continue
            needs = set(step.needs)
            for need in needs:
                self._dependants[need].append(key)
            self._missing[key] = len(needs - self.records.keys())
            self.trials_left[Share.of(step)] += TRIALS[step.kind]
        self._find_places()
        for record in self.records.values():
            self._block_if_useless(record)
        for key, missing in self._missing.items():
            if not missing and key not in self.blocked:
                self._push(key)

    def _release(self, record: Record) -> None:
        self._block_if_useless(record)
        for key in self._dependants[record.id]:
            self._missing[key] -= 1
            if not self._missing[key] and key not in self.blocked:
                self._push(key)

    def _block_if_useless(self, record: Record) -> None:
        """A reference that failed blocks all that measure against it; a failed candidate counts."""
        if record.kind not in ("train", "retrain") or record.status == "ok":
            return
        waiting = list(self._dependants[record.id])
        while waiting:
            key = waiting.pop()
            if key not in self.blocked and key not in self.records:
                self.blocked.add(key)
                waiting.extend(self._dependants[key])

    def _prepare(self, step: Step) -> ReadyStep:
        """A step with its hyperparameters."""
        match step:
            case SearchStep():
                return ReadyStep(step, self._candidate(step))
            case FinalStep(study=Study() as study, refusal=None):
                return self._select(step, study)
            case FinalStep(matches=matches) if matches:
                return self._match(step)
            case FinalStep():
                return ReadyStep(step, Candidate(step.defaults), step.refusal)
            case _:
                return ReadyStep(step, Candidate({}))

    def _candidate(self, step: SearchStep) -> Candidate:
        """A new candidate in the first round of a search, later one that goes on."""
        study = self.plan.studies[step.study_id]
        if not step.round:
            scored = self._scored(study, max(0, step.place - study.lag + 1))
            return Candidate(suggest(study, step.place, scored, self._searches), step.place)
        race = self._race(study, step.round)
        number = promoted(race.after(step.round), len(study.rounds[step.round]))[step.place]
        return Candidate(race.params[number], number)

    def _select(self, step: FinalStep, study: Study) -> ReadyStep:
        """A tuned step with the candidate that won its search.

        It is among those that ran on all requests; if these failed, on all but the last, and so on.
        """
        race = self._race(study, len(study.rounds))
        for requests in range(len(study.rounds), 0, -1):
            finished = {k: v for k, v in race.after(requests).items() if k not in race.failed}
            if finished:
                best = select(finished)
                return ReadyStep(step, Candidate(race.params[best], best))
        nothing = "nothing to select: no candidate of the search finished"
        return ReadyStep(step, Candidate({}), nothing)

    def _match(self, step: FinalStep) -> ReadyStep:
        """A control with the size of the steps that it matches."""
        size = median_change([self.records[key] for key in step.matches])
        if size is None:
            return ReadyStep(step, Candidate({}), "no method left a change of weights to match")
        return ReadyStep(step, Candidate({"size": size}))

    def _race(self, study: Study, rounds: int) -> Race:
        """The completed rounds of a search."""
        scored = self._scored(study, study.trials)
        race = Race({number: each.params for number, each in enumerate(scored)})
        for number, steps in enumerate(study.rounds[:rounds]):
            order = promoted(race.after(number), len(steps)) if number else range(len(steps))
            for candidate, key in zip(order, steps, strict=True):
                race.note(candidate, self.records[key])
        return race

    def _scored(self, study: Study, count: int) -> list[ScoredCandidate]:
        """Candidates 0 to count - 1 in their order; one that failed has the worst objective."""
        scored: list[ScoredCandidate] = []
        for k, key in enumerate(study.rounds[0][:count]):
            record = self.records[key]
            # A lost worker left no params; its candidate can be suggested again.
            params = record.params or suggest(study, k, scored[: max(0, k - study.lag + 1)])
            scored.append(ScoredCandidate(params, record.metrics.get("objective", WORST)))
        return scored

    def _push(self, key: str) -> None:
        share = Share.of(self.plan.steps[key])
        self._ready.setdefault(share, ReadySteps()).push(self._places[key])

    def _find_places(self) -> None:
        """Go backwards, from what nothing waits for: how long each chain is."""
        numbers = {key: number for number, key in enumerate(self.plan.steps)}
        for key, step in reversed(tuple(self.plan.steps.items())):
            waiting = (self._places[each].length for each in self._dependants[key])
            length = TRIALS[step.kind] + max(waiting, default=0.0)
            self._places[key] = Place((_ORDER[step.kind], numbers[key]), length, key)
