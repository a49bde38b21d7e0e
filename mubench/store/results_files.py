"""Results of a sweep as files, and back: in a store, in MLflow, and beside a report's page."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from mubench.errors import InputError
from mubench.store.examples import Examples
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.store import Store
from mubench.store.table import records_to_table, table_to_records
from mubench.sweep.claims import Claim
from mubench.sweep.load import about
from mubench.sweep.plan import Plan
from mubench.sweep.published import Published

SWEEP, PLAN, RECORDS, EXAMPLES = "sweep.yaml", "plan.json", "records.parquet", "exhibits.json"
FILES = (SWEEP, PLAN, RECORDS)
"""Always present; the examples may be missing."""


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
        InputError: the store has no such sweep, or an older mubench saved it.
    """
    try:
        steps = store.steps_of(name)
        files = {file: store.sweep_file(name, file) for file in (SWEEP, PLAN)}
        return _with_stored(unpack(files), store, steps)
    except FileNotFoundError:
        raise _not_saved(store, name) from None
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{store.uri}: sweep '{name}' cannot be read: {error}") from None


def no_plan_error(where: str) -> InputError:
    """Return the error for a place that has records of a sweep but not its plan."""
    return InputError(
        f"{where}: an older mubench left no plan of the sweep there; run the sweep once more "
        "with this one (what is done does not run again)"
    )


def pack(results: SweepResults) -> dict[str, bytes]:
    """Return results as files, by name; the same results give the same bytes."""
    sink = io.BytesIO()
    pq.write_table(records_to_table(results.latest_records), sink, compression="zstd")
    packed = {**pack_outline(results), RECORDS: sink.getvalue()}
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
    return {SWEEP: results.sweep_text.encode(), PLAN: _json(plan)}


def pack_examples(examples: Examples) -> bytes:
    """Return examples as JSON."""
    return _json(examples.model_dump(mode="json"))


def unpack(files: Mapping[str, bytes]) -> SweepResults:
    """Return the results that `pack` or `pack_outline` wrote.

    Raises:
        StoreError: records of a newer mubench.
        ValueError, KeyError, TypeError: files that neither of them wrote.
    """
    plan = json.loads(files[PLAN])
    if not isinstance(plan, dict):
        raise TypeError(f"{PLAN} holds no plan")
    published = plan.get("published")
    records, examples = files.get(RECORDS), files.get(EXAMPLES)
    return SweepResults(
        name=plan["name"],
        sweep_text=files[SWEEP].decode(),
        records=table_to_records(pq.read_table(io.BytesIO(records))) if records else (),
        cells=tuple(plan["cells"]),
        rows=tuple(plan["rows"]),
        expected={(cell, row, selection): n for cell, row, selection, n in plan["expected"]},
        command=plan["command"],
        published=None if published is None else Published.model_validate(published),
        document=plan.get("sweep", {}),
        claims=tuple(Claim.model_validate(claim) for claim in plan.get("claims", ())),
        examples=None if examples is None else unpack_examples(examples),
    )


def unpack_examples(content: bytes) -> Examples | None:
    """Return the examples that `pack_examples` wrote; None for those of another mubench version.

    They only illustrate, and the next run makes them again.
    """
    try:
        return Examples.model_validate_json(content)
    except ValidationError:
        return None


def read_folder(folder: Path) -> SweepResults:
    """Return the results that lie beside a report's page.

    Raises:
        InputError: the folder holds no report, or one that cannot be read.
    """
    names = (*FILES, EXAMPLES)
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    missing = [name for name in FILES if name not in files]
    if missing:
        raise InputError(f"{folder}: no report of mubench: {missing[0]} is missing")
    try:
        return unpack(files)
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{folder}: its files cannot be read: {error}") from None


def _not_saved(store: Store, name: str) -> InputError:
    older = store.older_sweeps()
    if name in older:
        return no_plan_error(f"{store.uri}: sweep '{name}'")
    known = ", ".join(sorted((*store.sweeps(), *older))) or "none"
    return InputError(f"{store.uri}: no sweep '{name}' was run here; there are: {known}")


def _with_stored(outline: SweepResults, store: Store, steps: tuple[str, ...]) -> SweepResults:
    results = outline.with_records(read_records(store, steps).values())
    try:
        examples = unpack_examples(store.sweep_file(outline.name, EXAMPLES))
    except FileNotFoundError:
        return results
    return replace(results, examples=examples and _of_requests(examples, results))


def _of_requests(examples: Examples, results: SweepResults) -> Examples:
    """Examples of requests in the results: an older version of the sweep may have left others."""
    requests = {(record.cell, record.request) for record in results.records}
    kept = {
        cell: shown for cell, shown in examples.cells.items() if (cell, shown.request) in requests
    }
    return Examples(cells=kept)


def _json(node: Any) -> bytes:
    return json.dumps(node, indent=1, default=str).encode()
