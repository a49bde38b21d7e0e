"""What of an earlier run still holds: the same command finishes the rest."""

import warnings
from dataclasses import dataclass

from mubench.store.record import Record
from mubench.store.run_log import RunTimes
from mubench.store.store import Store
from mubench.sweep.plan import Plan


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    records: dict[str, Record]
    ran: int
    blocked: int
    interrupted_by: int | None = None
    """The signal that ended it early."""
    times: RunTimes | None = None
    """What it took beside its steps; None where nothing had to run."""

    @property
    def failures(self) -> tuple[Record, ...]:
        """Records of steps that failed for reasons of the machine or the code."""
        return tuple(r for r in self.records.values() if r.is_failure)


def finished(plan: Plan, store: Store) -> Summary | None:
    """How a sweep ended that has nothing left to run, else None. Loads neither Ray nor torch."""
    done = usable_records(plan, store)
    return Summary(done, 0, 0) if len(done) == len(plan.steps) else None


def outdated_steps(plan: Plan, store: Store) -> int:
    """Count the steps to run that the sweep's last run left results of, under other ids.

    Code, data, versions, device or settings have changed since.
    """
    saved = store.last_steps(plan.name)
    records = store.records.read({*saved, *plan.steps})
    old = {record.title for record in records.values() if record.id not in plan.steps}
    return sum(step.title in old for key, step in plan.steps.items() if key not in records)


def usable_records(plan: Plan, store: Store) -> dict[str, Record]:
    """Records that need not be made again.

    A reference whose files are damaged, and that something still to run needs, is forgotten with
    its files, so that it is trained again instead of being used.
    """
    done = store.records.read(plan.steps)
    needed = {need for key, step in plan.steps.items() if key not in done for need in step.needs}
    references = [
        key
        for key in sorted(needed & done.keys())
        if plan.steps[key].kind in ("train", "retrain") and done[key].status == "ok"
    ]
    problems = store.files.overlapped(
        lambda key: store.artefacts.verify(plan.steps[key].unlearn_id), references
    )
    damaged = {key for key, problem in zip(references, problems, strict=True) if problem}
    for problem in filter(None, problems):
        warnings.warn(f"{problem}; it is made again", stacklevel=2)
    _forget(plan, store, damaged)
    return {key: record for key, record in done.items() if key not in damaged}


def forget_failures(plan: Plan, store: Store) -> int:
    """Forget failed steps and all that came of them; return how many had failed.

    A candidate that failed counts in its search with the worst objective: later candidates and the
    tuned final steps would differ had it not failed, so they are made again too.
    """
    done = store.records.read(plan.steps)
    failed = {key for key, record in done.items() if record.is_failure}
    stale = set(failed)
    for key, step in plan.steps.items():  # in an order that respects what steps need
        if key in done and stale.intersection(step.needs):
            stale.add(key)
    _forget(plan, store, stale)
    return len(failed)


def _forget(plan: Plan, store: Store, keys: set[str]) -> None:
    store.records.discard(frozenset(keys))
    store.files.overlapped(
        lambda key: store.artefacts.discard(plan.steps[key].unlearn_id), sorted(keys)
    )
