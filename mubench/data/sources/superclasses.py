"""Labels that stand for several finer ones: CIFAR-100's superclasses, the topics of newsgroups."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mubench.data.sources.raw import Part, Raw
from mubench.errors import DataError


def file_classes(card: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the labels in the files: finer than the card's classes with superclasses."""
    return tuple(map(str, card["groups"] if "superclasses" in card else card["classes"]))


def check_names(card: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    """Refuse classes of files that stand in another order than in the card.

    Other names are allowed: one copy of CIFAR-100 calls its crabs `cra`. But where a name is that
    of another class of the card, a request to forget it would forget something else.

    Raises:
        DataError: a name stands at another place than in the card, or there are more or fewer.
    """
    expected = file_classes(card)
    if len(names) != len(expected):
        raise DataError(
            f"{where}: {len(names)} class names; expected the {len(expected)} of the card"
        )
    for here, (name, known) in enumerate(zip(names, expected, strict=True)):
        if name != known and name in expected:
            raise DataError(
                f"{where}: class {here} is called '{name}', which is class {expected.index(name)} "
                "of the card; number the labels in the card's order"
            )


def with_superclasses(card: Mapping[str, Any], raw: Raw) -> Raw:
    """`raw` with the card's superclasses as labels and its own labels as groups.

    `superclasses` of the card maps each of its classes to the names of its groups, which have
    the order of the labels of the files; the names in the files have no effect.

    Raises:
        DataError: a group is in no superclass, or in two.
    """
    superclasses: Mapping[str, list[str]] | None = card.get("superclasses")
    if superclasses is None:
        return raw
    of = {fine: k for k, members in enumerate(superclasses.values()) for fine in members}
    names = file_classes(card)
    if sorted(names) != sorted(fine for members in superclasses.values() for fine in members):
        odd = sorted(set(names) ^ set(of)) or list(names)
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
        group_names=names,
    )
