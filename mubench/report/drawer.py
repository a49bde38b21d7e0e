"""The records behind the numbers, as the page's drawer shows them."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from mubench.record import Record
from mubench.report.words import plural


def record_json(records: Iterable[Record]) -> str:
    """Return records by id as JSON that may stand inside a script element.

    `<`, `>` and `&` are escaped, so that no name can close the element; numbers that JSON lacks
    (NaN, infinities) become words.
    """
    held = {record.id: _told(record) for record in sorted(records, key=lambda r: r.id)}
    text = json.dumps(held, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _told(record: Record) -> dict[str, Any]:
    facts = {
        "id": record.id,
        "unlearn id": record.unlearn_id,
        "request": record.request,
        "candidate": str(record.candidate) if record.candidate >= 0 else "",
        "seeds": _seeds(record),
        "forget set": f"{record.n_forget} forgotten, {record.n_retain} kept",
        "forget hash": record.forget_hash,
        "device": f"{record.device}, {plural(record.threads, 'thread')}, {record.precision}",
        "device to itself": "yes" if record.exclusive else "no",
        "versions": ", ".join(f"{k} {v}" for k, v in sorted(record.versions.items())),
        "commit": record.commit,
        "created": record.created,
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
    }


def _seeds(record: Record) -> str:
    words = [f"train {record.seed_train}"]
    words += [f"forget {record.seed_forget}"] if record.seed_forget >= 0 else []
    words += [f"classes {', '.join(map(str, record.forget_classes))}"] * bool(record.forget_classes)
    return ", ".join(words)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(values[name]) for name in sorted(values)}


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
