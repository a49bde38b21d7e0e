"""How many bytes a plan leaves in its store, and whether they fit on the disk.

Not counted: MLflow's files, and what methods prepare for their searches (`mubench store gc` deletes
that).
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mubench.data.options import corrupted_share
from mubench.errors import StoreError
from mubench.store.store import Store
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, Step, TrainStep
from mubench.sweep.workload import holdout_size, train_size

_OF_A_RECORD = 1200
"""Measured: a row of a merged Parquet file, fewer where there are thousands."""
_OF_A_STEP = 2000
"""Headers and checksums of its files."""
_TIGHT = 1.5
"""Checkpoints of trainings under way, records that are not merged yet and other users need room."""


@dataclass(frozen=True)
class Storage:
    """Bytes by what they are; `is_exact` is False where a card says no size or parameters."""

    records: int = 0
    outputs: int = 0
    weights: int = 0
    is_exact: bool = True

    @property
    def total(self) -> int:
        """All bytes."""
        return self.records + self.outputs + self.weights

    def __add__(self, other: "Storage") -> "Storage":
        return Storage(
            self.records + other.records,
            self.outputs + other.outputs,
            self.weights + other.weights,
            self.is_exact and other.is_exact,
        )


def storage_of(steps: Iterable[Step]) -> Storage:
    """What some steps store: a record each, outputs of each model, weights where they are kept."""
    listed = list(steps)
    models = {step.unlearn_id: step for step in listed if _stores_outputs(step)}
    records = Storage(records=_OF_A_RECORD * len(listed))
    return sum(map(_of_model, models.values()), records)


def require_space(steps: Iterable[Step], store: Store) -> str | None:
    """Compare what steps will store with the free space; return a warning where it gets tight.

    None where there is room, or where the store is no folder of this machine.

    Raises:
        StoreError: it cannot fit.
    """
    free, needed = free_bytes(store), storage_of(steps).total
    if free is None or needed * _TIGHT <= free:
        return None
    if needed > free:
        raise StoreError(
            f"{store.uri}: the sweep will store about {in_units(needed)}, and {in_units(free)} are "
            "free there; free some, give another --store, or run fewer requests or rows"
        )
    return (
        f"{store.uri}: space gets tight: the sweep will store about {in_units(needed)}, and "
        f"{in_units(free)} are free there"
    )


def free_bytes(store: Store) -> int | None:
    """Free space where a store is or will be; None for one in a bucket."""
    if "://" in store.uri:
        return None
    folder = Path(store.uri).absolute()
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


def in_units(count: int) -> str:
    """Bytes for people.

    >>> in_units(900), in_units(1_500_000), in_units(10**13)
    ('1 kB', '1.5 MB', '10,000 GB')
    """
    for size, unit in ((10**9, "GB"), (10**6, "MB")):
        if count >= size:
            digits = 1 if count < 10 * size else 0
            return f"{count / size:,.{digits}f} {unit}"
    return f"{max(1, round(count / 1000))} kB"


def _stores_outputs(step: Step) -> bool:
    """A search step keeps a record alone; the original's outputs are those of its training."""
    if isinstance(step, FinalStep):
        return step.row is not None and step.refusal is None
    return not isinstance(step, SearchStep)


def _of_model(step: Step) -> Storage:
    """Logits and labels on all splits that its purpose may see; weights where they are kept."""
    training = step.training
    dataset, card = training.dataset, training.dataset.card
    train, validation = train_size(dataset), holdout_size(dataset, "validation")
    test = holdout_size(dataset, "test") if training.purpose == "final" else 0
    wide = 8 + 8 + 4 * len(card.classes) + (8 if card.groups else 0)  # id, label, logits, group
    held_out = validation + test
    corrupted = corrupted_share({**card.options, **dataset.options})
    wide += 8 if corrupted else 0  # the other label, or what a trigger does
    outputs = ((train or 0) + held_out) * wide
    parameters = training.model.card.parameters
    is_reference = isinstance(step, TrainStep | RetrainStep)
    has_weights = is_reference or step.execution.keeps_weights
    return Storage(
        outputs=outputs + _OF_A_STEP,
        weights=4 * (parameters or 0) if has_weights else 0,
        is_exact=train is not None and (parameters is not None or not has_weights),
    )
