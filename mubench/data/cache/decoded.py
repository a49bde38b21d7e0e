"""A data set as it is kept: divided into its splits, decoded once, memory-mapped by all processes.

Each split has files of its own, so that nothing reachable from one leads to another's examples, and
all workers of a node share one copy of them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mubench.catalogue.card_schema import decoding_facts
from mubench.catalogue.features import features_of
from mubench.catalogue.ids import source_id
from mubench.data.cache.cache import Facts, cached, peek
from mubench.data.cache.fingerprint import Digest
from mubench.data.cache.progress_bar import watched
from mubench.data.cache.table_moments import moments_of
from mubench.data.cache.twins import TwinFinder
from mubench.data.cache.writers import Texts, TextWriter, open_inputs, writer_for
from mubench.data.sources.locate import Place, is_in_files, locate
from mubench.data.sources.partition import Ints, partition
from mubench.data.sources.raw import Part, Raw
from mubench.data.sources.superclasses import with_superclasses
from mubench.errors import DataError

LAYOUT = 4
"""Version of the cached files."""
SPLITS = ("train", "validation", "test")


class Rows(NamedTuple):
    """Examples of one split: ascending `positions` in `part`, and what is known of each (n,)."""

    part: Part
    positions: Ints
    ids: Ints
    labels: Ints
    groups: Ints | None


class StoredSplit(NamedTuple):
    """One split: `inputs` (n, ...), `labels`, `ids` and perhaps `groups`, each (n,) int64.

    `twins` and `near` (n,) are the ids of the first example that each is a twin of, see `Twins`, of
    data without a card file; else None.
    """

    inputs: NDArray[Any] | Texts
    labels: Ints
    ids: Ints
    groups: Ints | None
    twins: Ints | None = None
    near: Ints | None = None
    is_blank: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class StoredDataset:
    """A divided data set; its inputs are not read before they are used."""

    splits: Mapping[str, StoredSplit]
    class_names: tuple[str, ...]
    group_names: tuple[str, ...]
    fingerprint: str
    """sha256 over the labels, groups and inputs of the whole data set; see `raw.fingerprint`."""
    mean: tuple[float, ...] = ()
    """Mean of D_tr: of images in files by channel, as a fraction of 255; of a table by column."""
    std: tuple[float, ...] = ()


def stored_dataset(card: Mapping[str, Any], data_dir: str | Path | None) -> StoredDataset:
    """The data set of a card; files are decoded where the cache does not have them yet.

    Raises:
        DataError: files are missing, damaged, or not those that the card declares.
    """
    if is_in_files(card):
        return _mapped(card, locate(card, data_dir))
    dataset = _in_memory(card, import_module(card["modules"][0]).read(card, data_dir))
    _require(card, "fingerprint", dataset.fingerprint)
    return dataset


def known_fingerprint(card: Mapping[str, Any], data_dir: str | Path | None) -> str | None:
    """The fingerprint of what is cached, else the one that the card declares, else None.

    Never decodes. Of data in files the declared one is of the order that the card's author had.
    """
    declared: str | None = card.get("fingerprint")
    return declared if not is_in_files(card) else (_cached(card, data_dir) or declared)


def _cached(card: Mapping[str, Any], data_dir: str | Path | None) -> str | None:
    try:
        facts = peek(_cache_name(card, locate(card, data_dir)))
    except DataError:
        return None
    return None if facts is None else str(facts["fingerprint"])


def _require(card: Mapping[str, Any], key: str, actual: str) -> None:
    """Refuse other examples than the card declares, if it does."""
    if card.get(key, actual) not in (None, actual):
        raise DataError(
            f"dataset {card['name']}: these are not the declared examples: "
            f"expected {key} {card[key]}, found {actual}"
        )


def cache_name(card: Mapping[str, Any], data_dir: str | Path | None) -> str:
    """The name of the cached folder of a data set in files. Raises DataError as `locate` does."""
    return _cache_name(card, locate(card, data_dir))


def _cache_name(card: Mapping[str, Any], place: Place) -> str:
    about = decoding_facts(card)
    stamp = place.source.stamp(card, place.folder)
    # What decodes and divides.
    code = source_id(f"{__name__}:stored_dataset", f"{place.source.__name__}:read")
    where = str(place.folder.resolve())
    text = json.dumps([LAYOUT, code, about, where, stamp], sort_keys=True)
    return f"{card['name']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _in_memory(card: Mapping[str, Any], raw: Raw) -> StoredDataset:
    # Indexing by an array copies: a split holds its own examples and no view of the others'.
    splits = {
        name: StoredSplit(
            np.asarray(rows.part.inputs)[rows.positions], rows.labels, rows.ids, rows.groups
        )
        for name, rows in divide(raw).items()
    }
    names = (raw.class_names, raw.group_names, raw.fingerprint)
    if card["modality"] != "table":
        return StoredDataset(splits, *names)
    mean, std = moments_of(card["name"], features_of(card), np.asarray(splits["train"].inputs))
    return StoredDataset(splits, *names, mean=tuple(mean), std=tuple(std))


def _mapped(card: Mapping[str, Any], place: Place) -> StoredDataset:
    def build(folder: Path) -> Facts:
        return _build(folder, card, with_superclasses(card, place.source.read(card, place.folder)))

    folder, facts = cached(_cache_name(card, place), build)
    _require(card, "examples", facts["examples"])
    return StoredDataset(
        splits={name: _open(folder, name) for name in SPLITS},
        class_names=tuple(facts["class_names"]),
        group_names=tuple(facts["group_names"]),
        fingerprint=facts["fingerprint"],
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
    )


def _open(folder: Path, name: str) -> StoredSplit:
    def known(what: str) -> NDArray[Any] | None:
        path = folder / f"{name}_{what}.npy"
        return np.load(path) if path.exists() else None

    return StoredSplit(
        open_inputs(folder, name),
        np.load(folder / f"{name}_labels.npy"),
        np.load(folder / f"{name}_ids.npy"),
        known("groups"),
        known("twins"),
        known("near"),
        known("blank"),
    )


def _build(folder: Path, card: Mapping[str, Any], raw: Raw) -> Facts:
    _check(card, raw)
    splits = divide(raw)
    digest = Digest(raw)
    for name, rows in splits.items():
        np.save(folder / f"{name}_labels.npy", rows.labels)
        np.save(folder / f"{name}_ids.npy", rows.ids)
        if rows.groups is not None:
            np.save(folder / f"{name}_groups.npy", rows.groups)
    finder = TwinFinder() if card.get("own") is not None else None
    moments = _write_inputs(folder, card, raw, splits, digest, finder)
    if finder is not None:
        found = finder.twins()
        for name, rows in splits.items():
            np.save(folder / f"{name}_twins.npy", found.exact[rows.ids])
            np.save(folder / f"{name}_near.npy", found.near[rows.ids])
            np.save(folder / f"{name}_blank.npy", found.is_blank[rows.ids])
    return {
        "fingerprint": digest.fingerprint,
        "examples": digest.examples,
        "class_names": raw.class_names,
        "group_names": raw.group_names,
        "mean": moments[0],
        "std": moments[1],
    }


def _write_inputs(
    folder: Path,
    card: Mapping[str, Any],
    raw: Raw,
    splits: Mapping[str, Rows],
    digest: Digest,
    finder: TwinFinder | None,
) -> tuple[list[float], list[float]]:
    """Write each split's inputs while they are read once; mean and std of those of D_tr."""
    with ExitStack() as files:
        writers = {
            name: files.enter_context(closing(writer_for(card, folder, name, len(rows.ids))))
            for name, rows in splits.items()
        }
        for official, part in raw.named_parts.items():
            start, title = 0, f"decoding {card['name']}: {official}"
            for piece in watched(part.pieces(), len(part.labels), title, len):
                digest.update(part, official.encode(), piece, start)
                if finder is not None:
                    finder.update(piece)
                for name, rows in splits.items():
                    if rows.part is part:
                        first, last = np.searchsorted(rows.positions, [start, start + len(piece)])
                        writers[name].write(piece, rows.positions[first:last] - start)
                start += len(piece)
            if start != len(part.labels):
                raise DataError(
                    f"dataset {card['name']}: {start} inputs, but {len(part.labels)} labels"
                )
    train = writers["train"]
    return ([], []) if isinstance(train, TextWriter) else train.moments()


def _check(card: Mapping[str, Any], raw: Raw) -> None:
    """Refuse what no later step could name so well."""
    where = f"dataset {card['name']}"
    if len(raw.class_names) != len(card["classes"]):
        raise DataError(
            f"{where}: its files have {len(raw.class_names)} classes, its card "
            f"{len(card['classes'])}"
        )
    for part in raw.parts:
        _check_range(where, "label", part.labels, len(raw.class_names))
        if part.groups is not None:
            _check_range(where, "group", part.groups, len(raw.group_names))
    counts = np.bincount(raw.train.labels, minlength=len(raw.class_names))
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        raise DataError(
            f"{where}: class {empty[0]} ({raw.class_names[empty[0]]}) has no training example; "
            "complete the files, or leave the class out"
        )


def _check_range(where: str, what: str, values: Ints, count: int) -> None:
    wrong = np.flatnonzero((values < 0) | (values >= count))
    if len(wrong):
        raise DataError(
            f"{where}: example {wrong[0]} has {what} {values[wrong[0]]}; "
            f"it must be 0 to {count - 1}"
        )


def divide(raw: Raw) -> dict[str, Rows]:
    """The three splits: disjoint, fixed by hashes of the ids, together all examples."""
    train = raw.train
    made = partition(
        train.labels,
        np.arange(len(train.labels)),
        has_test=raw.test is not None,
        has_validation=raw.validation is not None,
    )
    splits = {name: _rows(train, positions, first=0) for name, positions in made.items()}
    first = 0
    for name, part in raw.named_parts.items():
        if part is not train:
            splits[name] = _rows(part, np.arange(len(part.labels)), first)
        first += len(part.labels)
    return splits


def _rows(part: Part, positions: Ints, first: int) -> Rows:
    groups = None if part.groups is None else part.groups[positions]
    return Rows(part, positions, first + positions, part.labels[positions], groups)


def split_sizes(dataset: StoredDataset) -> Iterator[tuple[str, int]]:
    """Name and number of examples of each split."""
    for name in SPLITS:
        yield name, len(dataset.splits[name].labels)
