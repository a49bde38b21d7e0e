"""A sweep's report source out of a store: what it planned, and what has come of it by now."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from mubench.errors import InputError
from mubench.store.examples import Exhibits
from mubench.store.record import Record
from mubench.store.results import ReportSource
from mubench.store.results_files import EXHIBITS, PLAN, SWEEP, pack_outline, unpack, unpack_exhibits
from mubench.store.store import Store
from mubench.sweep.load import about
from mubench.sweep.plan import Plan


def gather(plan: Plan, outline: ReportSource, store: Store) -> ReportSource:
    """Return a sweep's source: its outline with the records that the store has of its plan."""
    return _gathered(outline, store, tuple(plan.steps))


def records_of(store: Store, steps: Iterable[str]) -> dict[str, Record]:
    """Return the records of some steps, in that order, with the metrics that came later."""
    wanted = tuple(steps)
    found = store.scores.add_to(store.records.read(wanted))
    return {key: found[key] for key in wanted if key in found}


def name_of(sweep: str) -> str:
    """Return the name under which a sweep is saved: that in its file, or the one given.

    Raises:
        InputError: there is no such file, or no name in it.
    """
    if "/" not in sweep and Path(sweep).suffix not in (".yaml", ".yml"):
        return sweep
    try:
        return about(sweep)[0]
    except (OSError, UnicodeDecodeError, KeyError, TypeError):
        raise InputError(f"{sweep}: not a sweep file: it says no name") from None


def save(plan: Plan, outline: ReportSource, store: Store) -> None:
    """Keep a sweep in the store, so that it can be reported without its file."""
    store.save_sweep(plan.name, pack_outline(outline), plan.steps)


def saved(store: Store, name: str) -> ReportSource:
    """Return the source of a sweep that was run into a store, by its name.

    It needs neither the sweep's file nor the code that ran it.

    Raises:
        InputError: the store has no such sweep, or an older mubench saved it.
    """
    try:
        steps = store.steps_of(name)
        files = {file: store.sweep_file(name, file) for file in (SWEEP, PLAN)}
        return _gathered(unpack(files), store, steps)
    except FileNotFoundError:
        raise _not_saved(store, name) from None
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{store.uri}: sweep '{name}' cannot be read: {error}") from None


def without_plan(where: str) -> InputError:
    """What is wrong where records of a sweep lie, but not what it planned."""
    return InputError(
        f"{where}: an older mubench left no plan of the sweep there; run the sweep once more "
        "with this one (what is done does not run again)"
    )


def _not_saved(store: Store, name: str) -> InputError:
    older = store.older_sweeps()
    if name in older:
        return without_plan(f"{store.uri}: sweep '{name}'")
    known = ", ".join(sorted((*store.sweeps(), *older))) or "none"
    return InputError(f"{store.uri}: no sweep '{name}' was run here; there are: {known}")


def _gathered(outline: ReportSource, store: Store, steps: tuple[str, ...]) -> ReportSource:
    source = outline.of(records_of(store, steps).values())
    try:
        exhibits = unpack_exhibits(store.sweep_file(outline.name, EXHIBITS))
    except FileNotFoundError:
        return source
    return replace(source, exhibits=exhibits and _shown(exhibits, source))


def _shown(exhibits: Exhibits, source: ReportSource) -> Exhibits:
    """Those of requests that the source has: another form of the sweep may have left them."""
    requests = {(record.cell, record.request) for record in source.records}
    cells = exhibits.cells.items()
    return Exhibits(cells={cell: one for cell, one in cells if (cell, one.request) in requests})
