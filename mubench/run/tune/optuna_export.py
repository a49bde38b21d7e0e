"""The searches of a sweep as studies of Optuna, for optuna-dashboard: a view of the records.

A search needs no storage of Optuna's: it is a function of the records
(`mubench.run.tune.suggest`). What is exported can be deleted and made again.
"""

import time
from collections.abc import Iterator, Mapping
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

    A study has the completed candidates up to the first that is not, so that the number of a trial
    is that of its candidate. One that failed has the state FAIL and no value. What is there is not
    written again; a study whose candidates have changed (other code, after a `retry`) is replaced.

    Args:
        plan: the plan of the sweep.
        store: the store with its records.
        target: `sqlite:///FILE` or another database's address, else the path of a journal file.

    Raises:
        InputError: the storage cannot be opened, or has another's study of the same name.
    """
    keys = {key for study in plan.studies.values() for group in study.steps for key in group}
    records = store.records.read(keys)
    with _errors_of(target):
        storage = _open(target)
        counts = [
            _export_study(storage, f"{plan.name}/{study.cell}/{study.row.label}", study, records)
            for study in plan.studies.values()
        ]
    candidates = sum(count for count, _ in counts)
    expected = sum(study.trials for study in plan.studies.values())
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
        raise InputError(f"{target}: {reason}; choose another --to, or delete it") from error


def _export_study(
    storage: BaseStorage, name: str, study: Study, records: Mapping[str, Record]
) -> tuple[int, int]:
    """Return how many candidates the study has, and how many of them are new."""
    completed = takewhile(lambda group: all(key in records for key in group), study.steps)
    trials = [_trial(study, [records[key] for key in group]) for group in completed]
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


def _trial(study: Study, records: list[Record]) -> FrozenTrial:
    """A candidate from the records of its steps, one for each search request."""
    failed = next((record for record in records if record.status != "ok"), None)
    space, params = study.row.space, records[0].params
    draws = space.locate(params) if params else None  # a lost worker left none
    values = [record.metrics.get("objective", WORST) for record in records]
    trial = create_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        value=None if failed else sum(values) / len(values),
        params=draws or {},
        distributions=distributions_of(space, draws) if draws else {},
        user_attrs=_attributes(records, failed),
    )
    ends = [datetime.fromisoformat(record.created).astimezone() for record in records]
    starts = [end - timedelta(seconds=r.seconds) for end, r in zip(ends, records, strict=True)]
    trial.datetime_start = min(starts).replace(tzinfo=None)  # Optuna's times are local
    trial.datetime_complete = max(ends).replace(tzinfo=None)
    return trial


def _attributes(records: list[Record], failed: Record | None) -> dict[str, Any]:
    """What the dashboard shows beside a trial; `created` tells a record from one made again.

    Optuna's own params are the draws, such as `alpha[1]` for the second range of alpha.
    """
    return {
        "hyperparameters": dict(records[0].params),
        "steps": [record.id for record in records],
        "created": [record.created for record in records],
        "status": failed.status if failed else "ok",
        **({"message": failed.message} if failed else {}),
    }
