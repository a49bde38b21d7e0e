"""Forget sets of easy or hard examples, from a completed sweep's stored outputs; no step runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mubench.data import forget_file
from mubench.data.availability import UNKNOWN, fingerprint
from mubench.data.scenario import forget_count
from mubench.errors import InputError, plural
from mubench.metrics.difficulty import Ids, Which, chosen, mean_confidence, memorisation
from mubench.metrics.outputs import Floats, Outputs
from mubench.store.outputs import read_outputs
from mubench.store.record import Record, is_scored
from mubench.store.results import SweepResults
from mubench.store.retention import require_outputs
from mubench.store.store import Store
from mubench.sweep.grid import DatasetSpec
from mubench.sweep.load import load_mapping


@dataclass(frozen=True)
class Difficulty:
    """Which examples of D_tr the sets are to hold. Raises InputError unless 0 < ratio < 1."""

    by: Literal["memorisation", "confidence"]
    which: Which
    ratio: float
    """Size of each set, as a share of D_tr."""
    sets: int
    """Sets for final requests, beside one for searches; none share an example."""

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise InputError(f"--ratio {self.ratio:g}: a share between 0 and 1 is needed")

    @property
    def purposes(self) -> tuple[str, ...]:
        """Of the sets, as the names of their files end."""
        return ("search", *(f"final-{number}" for number in range(1, self.sets + 1)))


def select_forget_sets(
    store: Store, results: SweepResults, asked: Difficulty, folder: Path, data_dir: str | None
) -> Iterator[str]:
    """Write the sets of each data set and model of a sweep; yield a line about each.

    Raises:
        InputError: the sweep's outputs were not kept, or too few examples have a value.
        IntegrityError: outputs are missing or damaged.
    """
    require_outputs(store, results)
    references = [r for r in results.latest_records if r.kind in ("train", "retrain")]
    references = [record for record in references if is_scored(record)]
    datasets = load_mapping(results.document, results.name).spec.grid.dataset
    folder.mkdir(parents=True, exist_ok=True)
    for dataset in datasets:
        of_dataset = [record for record in references if record.dataset == dataset.label]
        for model in sorted({record.model for record in of_dataset}):
            models = [record for record in of_dataset if record.model == model]
            yield _select(store, models, dataset, asked, folder, data_dir)


def _select(
    store: Store,
    models: Sequence[Record],
    dataset: DatasetSpec,
    asked: Difficulty,
    folder: Path,
    data_dir: str | None,
) -> str:
    where = f"{dataset.label}/{models[0].model}"
    ids, values, total = _valued(store, models, asked.by)
    size = forget_count(asked.ratio, total)
    count = size * len(asked.purposes)
    known = f"{where}: {len(ids)} of {total} examples have a value"
    if count > len(ids):
        raise InputError(
            f"{known}; {len(asked.purposes)} sets of {size} need {count}: lower --ratio or --sets, "
            "or for memorisation take a sweep with more forget seeds"
        )
    hardest = ids[chosen(values, ids, asked.which, count)]
    known_data = fingerprint(dataset.card, data_dir)
    for number, purpose in enumerate(asked.purposes):
        words = (dataset.label, models[0].model, asked.which, asked.by, f"{asked.ratio:g}", purpose)
        about = {
            "dataset": dataset.name,
            "options": dict(dataset.options),
            "data": "" if known_data == UNKNOWN else known_data,
            "model": models[0].model,
            "by": asked.by,
            "which": asked.which,
            "purpose": purpose,
        }
        dealt = hardest[number :: len(asked.purposes)]  # in turn, so that all are equally hard
        forget_file.write_forget_file(folder / forget_file.file_name(*words), about, dealt.tolist())
    return f"{known}; {plural(len(asked.purposes), 'set')} of {size} in {folder}"


def _valued(store: Store, models: Sequence[Record], by: str) -> tuple[Ids, Floats, int]:
    """The examples that have a value, their values, and how many examples D_tr has."""
    trained = [record for record in models if record.kind == "train"]
    left_out = [r for r in models if r.kind == "retrain" and _is_random(r)]
    if not trained:
        raise InputError(f"{models[0].dataset}/{models[0].model}: no original is trained yet")
    ids = read_outputs(store, trained[0].unlearn_id, "train").ids
    seen = _outputs(store, trained, "train")
    if by == "confidence":
        values = mean_confidence(seen, ids)
    else:
        values = memorisation(seen, _outputs(store, left_out, "forget"), ids)
    has_value = np.isfinite(values)
    return ids[has_value], values[has_value], len(ids)


def _outputs(store: Store, models: Sequence[Record], part: str) -> Iterator[Outputs]:
    return (read_outputs(store, record.unlearn_id, part) for record in models)


def _is_random(record: Record) -> bool:
    """Where a whole class or group is left out, it is unknown rather than memorised."""
    return not record.forget_classes and record.scenario.partition("-")[0] != "group"
