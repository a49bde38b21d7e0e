"""What is wrong with the stored files, checked one by one."""

from collections.abc import Iterator

from mubench.store.retention import released_steps
from mubench.store.store import Store


def problems_of(store: Store) -> Iterator[str]:
    """Yield a line for each artefact that is damaged, and for each reference that has none."""
    stored = store.artefacts.ids()
    for step_id in sorted(stored):
        damage = store.artefacts.verify(step_id)
        if damage is not None:
            yield damage
    records, released = store.records.read(), released_steps(store)
    for key in sorted(records):
        record = records[key]
        is_reference = record.kind in ("train", "retrain") and record.status == "ok"
        if is_reference and record.unlearn_id not in stored and key not in released:
            yield (
                f"artefacts/{record.unlearn_id}: missing, though '{record.title}' is done; a run "
                "that needs it makes it again (was it made by a worker that has another store?)"
            )
