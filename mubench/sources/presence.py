"""Whether data sets are where they should be: asked before anything starts."""

from collections.abc import Iterable

from mubench.catalogue import DataCard
from mubench.errors import DataError
from mubench.sources.locate import is_in_files, locate
from mubench.sources.stored import known_fingerprint, stored


def require_data(cards: Iterable[DataCard], data_dir: str | None) -> None:
    """Raise DataError, which says what to put where, if the files of a data set are missing."""
    for card in cards:
        if is_in_files(card.card):
            locate(card.card, data_dir)


def decode_unknown(cards: Iterable[DataCard], data_dir: str | None) -> None:
    """Decode and cache the data sets in files whose card does not say what the data are.

    A plan for them needs their fingerprint, which only the decoded data have. Those whose files are
    not here are passed over: they may be on the machines of a cluster. Raises DataError for damaged
    files.
    """
    for card in cards:
        if (
            is_in_files(card.card)
            and _is_here(card, data_dir)
            and known_fingerprint(card.card, data_dir) is None
        ):
            stored(card.card, data_dir)


def _is_here(card: DataCard, data_dir: str | None) -> bool:
    try:
        locate(card.card, data_dir)
    except DataError:
        return False
    return True
