"""Labels that stand for several finer ones: CIFAR-100's superclasses, the topics of newsgroups."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mubench.errors import DataError
from mubench.sources.raw import Part, Raw


def file_classes(card: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the labels in the files: finer than the card's classes where it lifts them."""
    return tuple(map(str, card["groups"] if "superclasses" in card else card["classes"]))


def with_superclasses(card: Mapping[str, Any], raw: Raw) -> Raw:
    """`raw` with the card's superclasses as labels and its own labels as groups.

    `superclasses` of the card maps each of its classes to the names of the classes of the files.

    Raises:
        DataError: the files have a class that is in no superclass, or in two.
    """
    superclasses: Mapping[str, list[str]] | None = card.get("superclasses")
    if superclasses is None:
        return raw
    of = {fine: k for k, members in enumerate(superclasses.values()) for fine in members}
    names = list(raw.class_names)
    if sorted(names) != sorted(fine for members in superclasses.values() for fine in members):
        odd = sorted(set(names) ^ set(of)) or names
        raise DataError(f"dataset {card['name']}: '{odd[0]}' is not in exactly one superclass")
    table = np.array([of[name] for name in names], dtype=np.int64)

    def lifted(part: Part) -> Part:
        return replace(part, labels=table[part.labels], groups=part.labels)

    test = None if raw.test is None else lifted(raw.test)
    return replace(
        raw,
        train=lifted(raw.train),
        test=test,
        class_names=tuple(superclasses),
        group_names=tuple(names),
    )
