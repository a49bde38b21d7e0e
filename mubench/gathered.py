"""A sweep's report source out of a store: what it planned, and what has come of it by now."""

import json
from dataclasses import replace

import pyarrow as pa

from mubench.errors import InputError
from mubench.plan import Plan
from mubench.report.packed import EXHIBITS, PLAN, SWEEP, pack_outline, unpack, unpack_exhibits
from mubench.report.source import ReportSource
from mubench.store.store import Store


def gather(plan: Plan, outline: ReportSource, store: Store) -> ReportSource:
    """Return a sweep's source: its outline with the records that the store has of its plan."""
    return _gathered(outline, store, tuple(plan.steps))


def save(plan: Plan, outline: ReportSource, store: Store) -> None:
    """Keep a sweep in the store, so that it can be reported without its file."""
    store.save_sweep(plan.name, pack_outline(outline), plan.steps)


def saved(store: Store, name: str) -> ReportSource:
    """Return the source of a sweep that was run into a store, by its name.

    It needs neither the sweep's file nor the code that ran it.

    Raises:
        InputError: the store has no such sweep.
    """
    try:
        files = {file: store.sweep_file(name, file) for file in (SWEEP, PLAN)}
        return _gathered(unpack(files), store, store.steps_of(name))
    except FileNotFoundError:
        known = ", ".join(store.sweeps()) or "none"
        raise InputError(
            f"{store.uri}: no sweep '{name}' was run here; there are: {known}"
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{store.uri}: sweep '{name}' cannot be read: {error}") from None


def _gathered(outline: ReportSource, store: Store, steps: tuple[str, ...]) -> ReportSource:
    source = outline.of(store.records.read(steps).values())
    try:
        exhibits = unpack_exhibits(store.sweep_file(outline.name, EXHIBITS))
    except FileNotFoundError:
        return source
    return replace(source, exhibits=exhibits)
