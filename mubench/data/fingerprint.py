"""What data a sweep means: the fingerprint of a card, else that of what lies in the cache."""

from mubench.catalogue.card_schema import DataCard
from mubench.data.cache.decoded import known_fingerprint

UNKNOWN = "unknown"
"""Stands in an id where neither a card nor the cache says what the data are."""


def fingerprint(card: DataCard, data_dir: str | None) -> str:
    """The card's declared fingerprint, else that of its cached data, else `unknown`."""
    return known_fingerprint(card.card, data_dir) or UNKNOWN
