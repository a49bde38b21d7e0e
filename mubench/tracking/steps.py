"""The run of one step: its record, whole. Pure."""

from mubench.store.record import Record
from mubench.tracking.changes import CREATED
from mubench.tracking.metrics import ordered
from mubench.tracking.run_data import COLOR, NOTE, Entry, clean, cut, finite, milliseconds


def step_entry(record: Record, parent: str, name: str, color: str) -> Entry:
    """The run of a step, below the run with the key `parent`."""
    end = milliseconds(record.created)
    seeds = {"seed_train": record.seed_train, "seed_forget": record.seed_forget}
    facts = {
        **record.params,
        **{name: value for name, value in seeds.items() if value >= 0},
        "dataset": record.dataset,
        "model": record.model,
        "scenario": record.scenario,
        "method": record.method,
        "forget_classes": ",".join(map(str, record.forget_classes)),
    }
    return Entry(
        key=record.id,
        parent=parent,
        name=name,
        status="FAILED" if record.is_failure else "FINISHED",
        start=end - round(1000 * record.seconds),
        end=end,
        tags={**_tags(record), COLOR: color},
        params={clean(k): cut(str(v)) for k, v in facts.items() if v not in ("", None)},
        metrics=finite({**ordered(record.metrics), "seconds": record.seconds}),
    )


def _tags(record: Record) -> dict[str, str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    tags = {
        "kind": record.kind,
        "status": record.status,
        "selection": record.selection,
        "purpose": record.purpose,
        "cell": record.cell,
        "row": record.row,
        "request": record.request,
        "candidate": str(record.candidate) if record.candidate >= 0 else "",
        "flags": ", ".join(record.flags),
        "forget_hash": record.forget_hash,
        "unlearn_id": record.unlearn_id,
        "device": record.device,
        "threads": str(record.threads),
        "precision": record.precision,
        "versions": versions,
        "traceback": record.traceback,
        "mubench.record": record.id,
        CREATED: record.created,
        "mubench.study": record.study,
        "mlflow.source.git.commit": record.commit,
        NOTE: record.message,
    }
    return {name: cut(value) for name, value in tags.items() if value}
