"""The records behind the numbers, as the page's drawer shows them."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mubench.errors import plural
from mubench.report.analysis.format import seeds_text
from mubench.store.record import Record


def records_node(sweep: str, records: Iterable[Record]) -> dict[str, Any]:
    """Return records by id as JSON can hold them; NaN and infinities become strings."""
    return {record.id: _node(sweep, record) for record in sorted(records, key=lambda r: r.id)}


def _node(sweep: str, record: Record) -> dict[str, Any]:
    facts = {
        "id": record.id,
        "request": record.request,
        "candidate": f"{record.candidate} of {record.trials}" if record.candidate >= 0 else "",
        "seeds": seeds_text(record),
        "forget set": f"{record.n_forget} forgotten, {record.n_retain} retained",
        "forget hash": record.forget_hash,
        "device": f"{record.device}, {plural(record.threads, 'thread')}, {record.precision}",
        "exclusive device": "yes" if record.exclusive else "no",
        "versions": ", ".join(f"{k} {v}" for k, v in sorted(record.versions.items())),
        "commit": record.commit,
        "created": record.created,
        "outputs": f"artefacts/{record.unlearn_id} in the store",
        "MLflow": f"experiment mubench/{sweep}, tags.`mubench.key` = '{record.id}'",
        "flags": ", ".join(record.flags),
    }
    return {
        "title": f"{record.request}" + (f" · replica {record.replica}" if record.replica else ""),
        "status": record.status,
        "message": record.message,
        "facts": {name: fact for name, fact in facts.items() if fact},
        "params": _plain(record.params),
        "given": sorted(record.given),
        "metrics": _plain(record.metrics),
        "command": f"mubench reproduce {record.id[:12]}",
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(values[name]) for name in sorted(values)}


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value if isinstance(value, bool | int | str) or value is None else str(value)
