"""Results of a sweep as files, and back: in a store, in MLflow, and beside a report's page."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from mubench.catalogue.validation import Line, Strict, first_error
from mubench.errors import InputError, IntegrityError
from mubench.store.examples import Examples
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.sealed import (
    from_json,
    from_parquet,
    from_yaml,
    to_json,
    to_parquet,
    to_yaml,
)
from mubench.store.store import Store
from mubench.store.table import records_to_table, table_to_records
from mubench.sweep.claims import Claim
from mubench.sweep.load import about
from mubench.sweep.plan import Plan
from mubench.sweep.published import Published
from mubench.sweep.spec import Slug

SWEEP, PLAN, RECORDS, EXAMPLES = "sweep.yaml", "plan.json", "records.parquet", "exhibits.json"
FILES = (SWEEP, PLAN, RECORDS)
"""Always present; the examples may be missing. Each carries its checksum."""


class PlanFile(Strict):
    """What a sweep planned, without its steps: `plan.json`."""

    name: Slug
    command: Line
    cells: tuple[Line, ...]
    rows: tuple[Line, ...]
    expected: tuple[tuple[Line, Line, Line, int], ...]
    """Cell, row, selection, and the number of its planned final steps."""
    sweep: Mapping[str, Any] = Field(default_factory=dict)
    """The sweep file as a mapping, overrides included."""
    claims: tuple[Claim, ...] = ()
    published: Published | None = None


def current_results(plan: Plan, outline: SweepResults, store: Store) -> SweepResults:
    """Return the outline of a sweep with the records that the store has of its plan."""
    return _with_stored(outline, store, tuple(plan.steps))


def read_records(store: Store, steps: Iterable[str]) -> dict[str, Record]:
    """Return the records of some steps, in that order, with their post-hoc metrics."""
    wanted = tuple(steps)
    records = store.scores.add_to(store.records.read(wanted))
    return {key: records[key] for key in wanted if key in records}


def sweep_name(sweep: str) -> str:
    """Return the name under which a sweep is saved: that in its file, or the one given.

    Raises:
        InputError: the file cannot be read, or has no name in it.
    """
    if "/" not in sweep and Path(sweep).suffix not in (".yaml", ".yml"):
        return sweep
    try:
        return about(sweep)[0]
    except (OSError, UnicodeDecodeError, KeyError, TypeError):
        raise InputError(f"{sweep}: not a sweep file: it says no name") from None


def save_outline(plan: Plan, outline: SweepResults, store: Store) -> None:
    """Save a sweep in the store, so that it can be reported without its file."""
    store.save_sweep(plan.name, pack_outline(outline), plan.steps)


def read_results(store: Store, name: str) -> SweepResults:
    """Return the results of a sweep that was run into a store, by its name.

    It needs neither the sweep's file nor the code that ran it.

    Raises:
        InputError: the store has no such sweep, or only a part of it.
        IntegrityError: its files are damaged.
    """
    try:
        steps = store.steps_of(name)
        files = {file: store.sweep_file(name, file) for file in (SWEEP, PLAN)}
    except FileNotFoundError:
        raise _not_saved(store, name) from None
    results = unpack(files, store.files.path(f"sweeps/{name}"), name)
    return _with_stored(results, store, steps)


def no_plan_error(where: str) -> InputError:
    """Return the error for a place that has records of a sweep but not its plan."""
    return InputError(
        f"{where}: the plan of the sweep is not there; run the sweep once more (what is done does "
        "not run again)"
    )


def pack(results: SweepResults) -> dict[str, bytes]:
    """Return results as files, by name; the same results give the same bytes."""
    records = to_parquet(records_to_table(results.latest_records), compression="zstd")
    packed = {**pack_outline(results), RECORDS: records}
    if results.examples is not None:
        packed[EXAMPLES] = pack_examples(results.examples)
    return packed


def pack_outline(results: SweepResults) -> dict[str, bytes]:
    """Return the files of what a sweep planned: all but the records and examples."""
    plan: dict[str, Any] = {
        "name": results.name,
        "command": results.command,
        "cells": results.cells,
        "rows": results.rows,
        "expected": [[*key, count] for key, count in results.expected.items()],
        "sweep": results.document,
    }
    if results.claims:
        plan["claims"] = [claim.model_dump(mode="json") for claim in results.claims]
    if results.published is not None:
        plan["published"] = results.published.model_dump(mode="json")
    return {SWEEP: to_yaml(results.sweep_text), PLAN: to_json(plan)}


def pack_examples(examples: Examples) -> bytes:
    """Return examples as a file."""
    return to_json(examples.model_dump(mode="json"))


def unpack(files: Mapping[str, bytes], where: str, name: str | None = None) -> SweepResults:
    """Return the results that `pack` or `pack_outline` wrote.

    Args:
        files: their content by name.
        where: the place of the files, for errors.
        name: the sweep that it must be, if that is known.

    Raises:
        IntegrityError: a file is damaged, or none that these functions wrote.
        StoreError: records of a newer mubench.
    """
    plan = read_plan(files[PLAN], f"{where}/{PLAN}")
    if name is not None and plan.name != name:
        raise IntegrityError(f"{where}/{PLAN}: the plan of another sweep, '{plan.name}'")
    records, examples = files.get(RECORDS), files.get(EXAMPLES)
    return SweepResults(
        name=plan.name,
        sweep_text=from_yaml(files[SWEEP], f"{where}/{SWEEP}"),
        records=_read_records(records, f"{where}/{RECORDS}") if records is not None else (),
        cells=plan.cells,
        rows=plan.rows,
        expected={(cell, row, selection): n for cell, row, selection, n in plan.expected},
        command=plan.command,
        published=plan.published,
        document=plan.sweep,
        claims=plan.claims,
        examples=None if examples is None else unpack_examples(examples, f"{where}/{EXAMPLES}"),
    )


def read_plan(content: bytes, where: str) -> PlanFile:
    """Return what a sweep planned. Raises IntegrityError."""
    try:
        return PlanFile.model_validate(from_json(content, where))
    except ValidationError as error:
        raise IntegrityError(f"{where}: no plan of this mubench: {first_error(error)}") from None


def _read_records(content: bytes, where: str) -> tuple[Record, ...]:
    return table_to_records(from_parquet(content, where), where)


def unpack_examples(content: bytes, where: str) -> Examples | None:
    """Return the examples that `pack_examples` wrote; None for those of another mubench version.

    They only illustrate, and the next run makes them again.

    Raises:
        IntegrityError: they are damaged.
    """
    try:
        return Examples.model_validate(from_json(content, where))
    except ValidationError:
        return None


def read_folder(folder: Path) -> SweepResults:
    """Return the results that lie beside a report's page.

    Raises:
        InputError: the folder holds no report.
        IntegrityError: one of its files is damaged.
    """
    names = (*FILES, EXAMPLES)
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    missing = [name for name in FILES if name not in files]
    if missing:
        raise InputError(f"{folder}: no report of mubench: {missing[0]} is missing")
    try:
        return unpack(files, str(folder))
    except IntegrityError as error:
        raise IntegrityError(f"{error}; make the report again with 'mubench report'") from None


def _not_saved(store: Store, name: str) -> InputError:
    older = store.incomplete_sweeps()
    if name in older:
        return no_plan_error(f"{store.uri}: sweep '{name}'")
    known = ", ".join(sorted((*store.sweeps(), *older))) or "none"
    return InputError(f"{store.uri}: no sweep '{name}' was run here; there are: {known}")


def _with_stored(outline: SweepResults, store: Store, steps: tuple[str, ...]) -> SweepResults:
    results = outline.with_records(read_records(store, steps).values())
    try:
        where = store.files.path(f"sweeps/{outline.name}/{EXAMPLES}")
        examples = unpack_examples(store.sweep_file(outline.name, EXAMPLES), where)
    except FileNotFoundError:
        return results
    except IntegrityError as error:
        warnings.warn(f"{error}; the next run makes it again", stacklevel=2)
        return results
    return replace(results, examples=examples and _of_requests(examples, results))


def _of_requests(examples: Examples, results: SweepResults) -> Examples:
    """Examples of requests in the results: an older version of the sweep may have left others."""
    requests = {(record.cell, record.request) for record in results.records}
    kept = {
        cell: shown for cell, shown in examples.cells.items() if (cell, shown.request) in requests
    }
    return examples.model_copy(update={"cells": kept})
