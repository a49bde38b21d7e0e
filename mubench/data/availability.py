"""Which data a sweep uses, and whether their files are present, before anything starts."""

from collections.abc import Iterable, Mapping
from typing import Any

from mubench.catalogue.card_schema import DataCard
from mubench.data.cache.decoded import known_fingerprint, stored_dataset
from mubench.data.cache.hygiene import findings
from mubench.data.sources.locate import is_in_files, locate
from mubench.errors import DataError

UNKNOWN = "unknown"
"""Takes the fingerprint's place in an id where neither a card nor the cache has one."""


def fingerprint(card: DataCard, data_dir: str | None) -> str:
    """The card's declared fingerprint, else that of its cached data, else `unknown`."""
    return known_fingerprint(card.card, data_dir) or UNKNOWN


def known_findings(card: DataCard, options: Mapping[str, Any]) -> list[str]:
    """What was found in data without a card file; of twins too, where they are decoded already.

    `options` are the sweep's. Empty for all other data.
    """
    if card.own is None:
        return []
    if known_fingerprint(card.card, None) is None:
        return [*card.found, "twins are counted when the data are decoded"]
    return [*card.found, *findings(stored_dataset(card.card, None), {**card.options, **options})]


def require_data(cards: Iterable[DataCard], data_dir: str | None) -> None:
    """Raise DataError, which says what to put where, if the files of a data set are missing."""
    for card in cards:
        if is_in_files(card.card):
            locate(card.card, data_dir)


def decode_present(cards: Iterable[DataCard], data_dir: str | None) -> None:
    """Decode and cache the data sets whose files are here: only then are their fingerprints known.

    Those whose files are not here are passed over: they may be on the machines of a cluster. Raises
    DataError for damaged files, and for other examples than a card declares.
    """
    for card in cards:
        if is_in_files(card.card) and _is_here(card, data_dir):
            stored_dataset(card.card, data_dir)


def _is_here(card: DataCard, data_dir: str | None) -> bool:
    try:
        locate(card.card, data_dir)
    except DataError:
        return False
    return True
