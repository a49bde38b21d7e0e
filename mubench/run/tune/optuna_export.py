"""The searches of a sweep as studies of Optuna, for optuna-dashboard: a view of the records.

A search needs no storage of Optuna's: it is a function of the records
(`mubench.run.tune.suggest`). What is exported can be deleted and made again.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from mubench.errors import InputError
from mubench.run.tune.suggest import distributions_of
from mubench.store.address import without_password
from mubench.store.record import WORST, Record
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.sweep.steps import Study

EVERY_SECONDS = 10.0
SHARE = 10
"""The pause between two looks is at least so many times the last look's seconds of CPU."""
_STUDY = "mubench.study"
"""Attribute of an exported study: its id."""


@dataclass(frozen=True)
class Exported:
    """What a storage has after an export."""

    studies: int
    candidates: int
    added: int
    """Candidates that this export added."""
    is_complete: bool
    """Whether every candidate of the sweep is there."""


def default_target(store: Store) -> str:
    """Return a file in the store, or in `.mubench` here where the store is not local."""
    folder = store.files.path("") if store.files.is_local else ".mubench"
    return str(Path(folder) / "optuna.log")


def export(plan: Plan, store: Store, target: str) -> Exported:
    """Bring the studies in a storage up to date with the records of a sweep.

    A search is a study for each of its requests: the first has all candidates, and is what the
    sampler was told, the others have those that went on. A study has the completed steps up to the
    first that is not, so that in the first the number of a trial is that of its candidate. One that
    failed has the state FAIL and no value. What is there is not written again; a study whose
    candidates have changed (other code, after a `retry`) is replaced.

    Args:
        plan: the plan of the sweep.
        store: the store with its records.
        target: `sqlite:///FILE` or another database's address, else the path of a journal file.

    Raises:
        InputError: the storage cannot be opened, or has another's study of the same name.
    """
    rounds = [
        (study, number, steps)
        for study in plan.studies.values()
        for number, steps in enumerate(study.rounds)
    ]
    records = store.records.read({key for _, _, steps in rounds for key in steps})
    with _errors_of(target):
        storage = _open(target)
        counts = [
            _export_study(storage, _name(plan, study, number), study, steps, records)
            for study, number, steps in rounds
        ]
    candidates = sum(count for count, _ in counts)
    expected = sum(len(steps) for _, _, steps in rounds)
    added = sum(added for _, added in counts)
    return Exported(len(counts), candidates, added, is_complete=candidates == expected)


def follow(plan: Plan, store: Store, target: str) -> Iterator[Exported]:
    """Export again and again, until every candidate is there; yield each export.

    Raises:
        InputError: as `export` does.
    """
    while True:
        start = time.process_time()
        exported = export(plan, store, target)
        yield exported
        if exported.is_complete:
            return
        time.sleep(max(EVERY_SECONDS, SHARE * (time.process_time() - start)))


def _open(target: str) -> BaseStorage:
    if "://" in target:
        return RDBStorage(target)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(target))


@contextmanager
def _errors_of(target: str) -> Iterator[None]:
    """Errors of a storage in one line."""
    try:
        yield
    except (OptunaError, SQLAlchemyError, ImportError, OSError, ValueError) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = " ".join(str(cause).split())[:200]
        where = without_password(target)
        raise InputError(f"{where}: {reason}; choose another --to, or delete it") from error


def _name(plan: Plan, study: Study, number: int) -> str:
    """`mine/digits/small_cnn/random-0.1/ugradsl`, then which search and which request."""
    search = f" search {study.repeat + 1}" if study.repeat else ""
    request = f" request {number + 1}" if number else ""
    return f"{plan.name}/{study.cell}/{study.row.label}{search}{request}"


def _export_study(
    storage: BaseStorage,
    name: str,
    study: Study,
    steps: Sequence[str],
    records: Mapping[str, Record],
) -> tuple[int, int]:
    """Return how many candidates the study has, and how many of them are new."""
    completed = takewhile(records.__contains__, steps)
    trials = [_trial(study, records[key]) for key in completed]
    search = _study(storage, name, study, trials)
    known = len(search.get_trials(deepcopy=False))
    search.add_trials(trials[known:])
    return len(trials), len(trials) - known


def _study(
    storage: BaseStorage, name: str, study: Study, trials: list[FrozenTrial]
) -> optuna.Study:
    """The study of a name, whose trials are the first of `trials`: found, else made."""
    search = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    there = search.get_trials(deepcopy=False)
    if there and _STUDY not in search.user_attrs:
        raise ValueError(f"study '{name}' is there and was not exported by mubench")
    wanted = [trial.user_attrs for trial in trials[: len(there)]]
    is_same = search.user_attrs.get(_STUDY, study.id) == study.id
    if not is_same or [trial.user_attrs for trial in there] != wanted:
        optuna.delete_study(storage=storage, study_name=name)
        search = optuna.create_study(storage=storage, study_name=name)
    if _STUDY not in search.user_attrs:
        search.set_user_attr(_STUDY, study.id)
    return search


def _trial(study: Study, record: Record) -> FrozenTrial:
    """A candidate on one request, from the record of its step."""
    failed = record.status != "ok"
    space, params = study.row.space, record.params
    draws = space.locate(params) if params else None  # a lost worker left none
    trial = create_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        value=None if failed else record.metrics.get("objective", WORST),
        params=draws or {},
        distributions=distributions_of(space, draws) if draws else {},
        user_attrs=_attributes(record),
    )
    end = datetime.fromisoformat(record.created).astimezone()
    start = end - timedelta(seconds=record.seconds)
    trial.datetime_start = start.replace(tzinfo=None)  # Optuna's times are local
    trial.datetime_complete = end.replace(tzinfo=None)
    return trial


def _attributes(record: Record) -> dict[str, Any]:
    """What the dashboard shows beside a trial; `created` tells a record from one made again.

    Optuna's own params are the draws, such as `alpha[1]` for the second range of alpha.
    """
    return {
        "candidate": record.candidate,
        "hyperparameters": dict(record.params),
        "step": record.id,
        "created": record.created,
        "status": record.status,
        **({"message": record.message} if record.message else {}),
    }
