"""Which hyperparameters a study tries next: Optuna, reproducible.

Suggestion k is a function of the study and of the results of candidates 0 to k - lag, given in
their order to a sampler seeded by (cell, row, repeat, k). Who computed them, when, and on how many
workers does not matter, and a resumed search is the search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from mubench.catalogue.ranges import Raw, Scalar
from mubench.catalogue.search_space import Space
from mubench.catalogue.seeds import derive_seed
from mubench.sweep.steps import Study

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class ScoredCandidate:
    """A finished candidate: its hyperparameters and its objective, a finite number."""

    params: Mapping[str, Scalar]
    value: float


@dataclass
class Searches:
    """Optuna studies by id, so that each candidate is added once: adding is slow."""

    studies: dict[str, tuple[optuna.Study, int]] = field(default_factory=dict)

    def of(self, study: Study, scored: Sequence[ScoredCandidate]) -> optuna.Study:
        """The study with exactly the candidates `scored`, a growing list."""
        search, known = self.studies.get(study.id, (None, 0))
        if search is None or known > len(scored):
            search, known = optuna.create_study(), 0
        _add_trials(search, study.row.space, scored[known:])
        self.studies[study.id] = search, len(scored)
        return search


def suggest(
    study: Study, k: int, scored: Sequence[ScoredCandidate], searches: Searches | None = None
) -> dict[str, Scalar]:
    """Hyperparameters of candidate k; candidate 0 is the defaults: no search loses to them."""
    space = study.row.space
    if k == 0:
        return space.defaults
    search = (searches or Searches()).of(study, scored)
    search.sampler = _sampler(study, k)
    trial = search.ask()
    params = space.sample(_Asked(trial))
    # The candidate comes back in `scored`. Samplers ignore a failed trial.
    search.tell(trial, state=optuna.trial.TrialState.FAIL)
    return params


def _add_trials(search: optuna.Study, space: Space, scored: Sequence[ScoredCandidate]) -> None:
    for candidate in scored:
        raw = space.locate(candidate.params)
        if raw is None:
            raise ValueError(f"a candidate lies outside of its study's space: {candidate.params}")
        search.add_trial(
            optuna.trial.create_trial(
                params=raw, distributions=distributions_of(space, raw), value=candidate.value
            )
        )


def _sampler(study: Study, k: int) -> BaseSampler:
    seed = derive_seed("suggest", study.cell, study.row.label, study.repeat, k) % 2**32
    if study.sampler == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=study.startup)


@dataclass(frozen=True)
class _Asked:
    """Draws by asking an Optuna trial."""

    trial: optuna.Trial

    def uniform(self, name: str, low: float, high: float) -> float:
        return self.trial.suggest_float(name, low, high)

    def log(self, name: str, low: float, high: float) -> float:
        return self.trial.suggest_float(name, low, high, log=True)

    def integer(self, name: str, low: int, high: int) -> int:
        return self.trial.suggest_int(name, low, high)

    def choice(self, name: str, options: tuple[Scalar, ...]) -> Scalar:
        return self.trial.suggest_categorical(name, options)


@dataclass(frozen=True)
class _Replayed:
    """Gives known draws again and notes their distributions."""

    raw: Raw
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)

    def uniform(self, name: str, low: float, high: float) -> float:
        self.distributions[name] = FloatDistribution(low, high)
        return float(self.raw[name])

    def log(self, name: str, low: float, high: float) -> float:
        self.distributions[name] = FloatDistribution(low, high, log=True)
        return float(self.raw[name])

    def integer(self, name: str, low: int, high: int) -> int:
        self.distributions[name] = IntDistribution(low, high)
        return int(self.raw[name])

    def choice(self, name: str, options: tuple[Scalar, ...]) -> Scalar:
        self.distributions[name] = CategoricalDistribution(options)
        value: Scalar = self.raw[name]
        return value


def distributions_of(space: Space, raw: Raw) -> dict[str, BaseDistribution]:
    """The distribution of each draw of a candidate, by the names that a sampler is asked for."""
    replay = _Replayed(raw)
    space.sample(replay)
    return replay.distributions
