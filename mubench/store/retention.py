"""What a completed sweep leaves in its store: all it made, or its records alone."""

from mubench.errors import InputError
from mubench.store.results import SweepResults
from mubench.store.sealed import to_json
from mubench.store.store import Store

_RELEASED = "released.json"
"""Marks a saved sweep whose outputs were deleted on purpose."""


def release_outputs(store: Store, sweep: str) -> int:
    """Delete outputs and weights of a saved sweep's steps; return of how many.

    Those that another saved sweep plans stay, unless that one has released its own. The caller
    holds the store's lock.
    """
    store.save_sweep_file(sweep, _RELEASED, to_json({}))  # before anything is missing
    records = store.records.read()
    others = {key for other in store.sweeps() if other != sweep for key in _held(store, other)}
    kept = {records[key].unlearn_id for key in others & records.keys()}
    own = {records[key].unlearn_id for key in store.steps_of(sweep) if key in records}
    loose = sorted((own - kept) & store.artefacts.ids())
    store.files.overlapped(store.artefacts.discard, loose)
    return len(loose)


def has_no_outputs(store: Store, results: SweepResults) -> bool:
    """Whether the outputs of a saved sweep were deleted on purpose, and none was made since."""
    ids = {record.unlearn_id for record in results.records}
    return _is_released(store, results.name) and store.artefacts.ids().isdisjoint(ids)


def require_outputs(store: Store, results: SweepResults) -> None:
    """Raise InputError where `has_no_outputs`."""
    if has_no_outputs(store, results):
        raise InputError(
            f"{results.name}: its outputs were not kept (store.keep: records), and this needs "
            "them; run it into another --store with --set store.keep=outputs"
        )


def released_steps(store: Store) -> frozenset[str]:
    """Steps of saved sweeps whose outputs were deleted on purpose."""
    released = [sweep for sweep in store.sweeps() if _is_released(store, sweep)]
    return frozenset(key for sweep in released for key in store.steps_of(sweep))


def _held(store: Store, sweep: str) -> tuple[str, ...]:
    return () if _is_released(store, sweep) else store.steps_of(sweep)


def _is_released(store: Store, sweep: str) -> bool:
    return store.files.exists(f"sweeps/{sweep}/{_RELEASED}")
