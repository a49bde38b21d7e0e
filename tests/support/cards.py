"""Cards of data sets."""

from mubench.catalogue import cards


def read_card(name: str) -> dict:
    return dict(cards.dataset(name).card)
