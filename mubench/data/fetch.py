"""Fetch, decode and check data sets. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mubench.catalogue.card_schema import DataCard
from mubench.catalogue.files import cache_root
from mubench.data.cache import cache
from mubench.data.cache.decoded import StoredDataset, cache_name, split_sizes, stored_dataset
from mubench.data.cache.hygiene import findings
from mubench.data.sources.locate import folder_of, is_in_files, locate, sources_of, wanted
from mubench.errors import DataError

Finding = tuple[str, str]


def fetch_data(card: DataCard, data_dir: str | None) -> Iterator[Finding]:
    """Download a data set if it is missing and can be downloaded, and decode it into the cache.

    Raises:
        DataError: it is missing, and no program may download it, or the download failed.
    """
    if is_in_files(card.card):
        folder = folder_of(card.card, data_dir)
        if not any(source.is_here(card.card, folder) for source in sources_of(card.card)):
            yield "fetched", str(_download(card, folder))
    yield from _facts(card, data_dir, stored_dataset(card.card, data_dir), {})


def check_data(
    card: DataCard, data_dir: str | None, options: Mapping[str, Any] | None = None
) -> Iterator[Finding]:
    """Counts, classes, sizes and fingerprint of a data set; each problem has the key `wrong`.

    `options` of a sweep say what is done with twins; without them, those of the card.

    Raises:
        DataError: files are missing or damaged, or are not what the card declares.
    """
    dataset = stored_dataset(card.card, data_dir)
    yield from _facts(card, data_dir, dataset, options or {})
    sizes = dict(split_sizes(dataset))
    # The size of validation follows from the counts of the classes, which cards need not state.
    for names in (("train", "validation"), ("test",)):
        size = sum(sizes[name] for name in names)
        expected = sum(card.sizes.get(name, sizes[name]) for name in names)
        if size != expected:
            yield "wrong", f"{' and '.join(names)} have {size} examples; the card says {expected}"
    if tuple(dataset.class_names) != card.classes:
        pairs = zip(dataset.class_names, card.classes, strict=True)
        in_files, in_card = next(pair for pair in pairs if pair[0] != pair[1])
        yield "note", f"a class is called '{in_files}' in the files and '{in_card}' in the card"
    if is_in_files(card.card):
        for file in cache.damaged(cache_name(card.card, data_dir)):
            yield "wrong", f"cached file {file} was altered; delete {_cached(card, data_dir)}"


def class_counts(card: DataCard, data_dir: str | None) -> Iterator[tuple[str, list[int]]]:
    """Name of each class, and how many examples train, validation and test have of it.

    Raises:
        DataError: as `check_data`.
    """
    dataset = stored_dataset(card.card, data_dir)
    size = len(dataset.class_names)
    counts = [np.bincount(split.labels, minlength=size) for split in dataset.splits.values()]
    for number, name in enumerate(dataset.class_names):
        yield name, [int(of_split[number]) for of_split in counts]


def _facts(
    card: DataCard, data_dir: str | None, dataset: StoredDataset, options: Mapping[str, Any]
) -> Iterator[Finding]:
    for line in card.found:
        yield "found", line
    if is_in_files(card.card):
        if card.uri is None:
            yield "folder", str(locate(card.card, data_dir).folder)
        yield "cache", str(_cached(card, data_dir))
    for name, size in split_sizes(dataset):
        counts = np.bincount(dataset.splits[name].labels, minlength=len(dataset.class_names))
        yield name, f"{size} examples, {counts.min()} to {counts.max()} per class"
    yield "classes", _some(dataset.class_names)
    for line in findings(dataset, {**card.options, **options}):
        yield "found", line
    if dataset.group_names:
        yield "groups", _some(dataset.group_names)
    is_declared = "examples" in card.card or (card.fingerprint and not is_in_files(card.card))
    yield (
        "fingerprint",
        dataset.fingerprint + ("" if is_declared else " (not verified: none declared)"),
    )


def _some(names: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    return f"{len(names)}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"


def _download(card: DataCard, folder: Path) -> Path:
    for source in sources_of(card.card):
        download = getattr(source, "fetch", None)
        if download is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            download(card.card, folder)
        except Exception as error:  # each library fails in its own way without a network
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"dataset {card.name}: cannot be downloaded from here ({reason}); "
                f"put into {folder} {wanted(card.card)}"
            ) from error
        return folder
    raise DataError(
        f"dataset {card.name}: no program may download it; put into {folder} {wanted(card.card)}"
    )


def _cached(card: DataCard, data_dir: str | None) -> Path:
    return cache_root() / cache_name(card.card, data_dir)
