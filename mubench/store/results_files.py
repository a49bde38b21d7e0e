"""A report's source as files, and back: in a store, in MLflow, and beside a report's page."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from mubench.errors import InputError
from mubench.store.examples import Exhibits
from mubench.store.results import ReportSource
from mubench.store.table import records_to_table, table_to_records
from mubench.sweep.claims import Claim
from mubench.sweep.published import Published

SWEEP, PLAN, RECORDS, EXHIBITS = "sweep.yaml", "plan.json", "records.parquet", "exhibits.json"
FILES = (SWEEP, PLAN, RECORDS)
"""What there always is; exhibits may be missing."""


def pack(source: ReportSource) -> dict[str, bytes]:
    """Return a source as files, by name; the same source gives the same bytes."""
    sink = io.BytesIO()
    pq.write_table(records_to_table(source.newest()), sink, compression="zstd")
    packed = {**pack_outline(source), RECORDS: sink.getvalue()}
    if source.exhibits is not None:
        packed[EXHIBITS] = pack_exhibits(source.exhibits)
    return packed


def pack_outline(source: ReportSource) -> dict[str, bytes]:
    """Return the files of what a sweep planned: all but the records and exhibits."""
    plan: dict[str, Any] = {
        "name": source.name,
        "command": source.command,
        "cells": source.cells,
        "rows": source.rows,
        "expected": [[*key, count] for key, count in source.expected.items()],
        "sweep": source.node,
    }
    if source.claims:
        plan["claims"] = [claim.model_dump(mode="json") for claim in source.claims]
    if source.published is not None:
        plan["published"] = source.published.model_dump(mode="json")
    return {SWEEP: source.sweep_text.encode(), PLAN: _json(plan)}


def pack_exhibits(exhibits: Exhibits) -> bytes:
    """Return exhibits as JSON."""
    return _json(exhibits.model_dump(mode="json"))


def unpack(files: Mapping[str, bytes]) -> ReportSource:
    """Return the source that `pack` or `pack_outline` wrote.

    Raises:
        StoreError: records of a newer mubench.
        ValueError, KeyError, TypeError: files that neither of them wrote.
    """
    plan = json.loads(files[PLAN])
    if not isinstance(plan, dict):
        raise TypeError(f"{PLAN} holds no plan")
    published, exhibits = plan.get("published"), files.get(EXHIBITS)
    records = files.get(RECORDS)
    return ReportSource(
        name=plan["name"],
        sweep_text=files[SWEEP].decode(),
        records=table_to_records(pq.read_table(io.BytesIO(records))) if records else (),
        cells=tuple(plan["cells"]),
        rows=tuple(plan["rows"]),
        expected={(cell, row, selection): n for cell, row, selection, n in plan["expected"]},
        command=plan["command"],
        published=None if published is None else Published.model_validate(published),
        node=plan.get("sweep", {}),
        claims=tuple(Claim.model_validate(claim) for claim in plan.get("claims", ())),
        exhibits=None if exhibits is None else unpack_exhibits(exhibits),
    )


def unpack_exhibits(content: bytes) -> Exhibits | None:
    """Return the exhibits that `pack_exhibits` wrote; None for those of another mubench.

    They only illustrate, and the next run makes them anew: no report is lost with them.
    """
    try:
        return Exhibits.model_validate_json(content)
    except ValidationError:
        return None


def read_folder(folder: Path) -> ReportSource:
    """Return the source that lies beside a report's page.

    Raises:
        InputError: the folder holds no report, or one that cannot be read.
    """
    names = (*FILES, EXHIBITS)
    found = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    missing = [name for name in FILES if name not in found]
    if missing:
        raise InputError(f"{folder}: no report of mubench: {missing[0]} is missing")
    try:
        return unpack(found)
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{folder}: its files cannot be read: {error}") from None


def _json(node: Any) -> bytes:
    return json.dumps(node, indent=1, default=str).encode()
