"""Forget scenarios, as far as a plan needs them: pools, counts, refusals. No torch.

A scenario is one of

- `Random(ratio)`: a share of D_tr, drawn; stratified, the same share of each class.
- `Classes((3, 5))`: all of some classes.
- `Groups((69,))`: all of some groups, a finer division than classes; or `GroupShare(ratio)`, all of
  a share of the groups, drawn.
- `Ids(ids, sha256)`: the examples that a file names.
- `Corrupted(discovered)`: a share, drawn, of those whose labels an option of the data set made
  wrong.

Searching and reporting draw their random sets from two disjoint pools.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mubench.errors import InputError

Purpose = Literal["search", "final"]

SEARCH_POOL = 0.2
"""Share of what is drawn from (examples or groups) that search forget sets are drawn from first."""
FINAL_POOL = 0.8
"""Share of it that final forget sets are drawn from first."""


@dataclass(frozen=True)
class Random:
    """A share of D_tr; raises InputError unless 0 < ratio < 1."""

    ratio: float
    stratified: bool = False

    def __post_init__(self) -> None:
        _check_ratio("random", self.ratio)


@dataclass(frozen=True)
class Classes:
    """All examples of some classes; raises InputError for an empty list or a duplicate."""

    classes: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_numbers("class", self.classes)


@dataclass(frozen=True)
class Groups:
    """All examples of some groups; raises InputError as `Classes` does."""

    groups: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_numbers("group", self.groups)


@dataclass(frozen=True)
class GroupShare:
    """All examples of a share of the groups; raises InputError unless 0 < ratio < 1."""

    ratio: float

    def __post_init__(self) -> None:
        _check_ratio("group", self.ratio)


@dataclass(frozen=True)
class Ids:
    """The examples with these ids, which a file with this checksum names."""

    ids: tuple[int, ...]
    sha256: str
    name: str = ""
    data: str = ""
    """Fingerprint of the data that the ids are of, where the file says it."""


@dataclass(frozen=True)
class Corrupted:
    """A share of the examples with labels made wrong; raises InputError unless 0 < share <= 1."""

    discovered: float

    def __post_init__(self) -> None:
        share = self.discovered
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise InputError(
                f"scenario corrupted: 0 < discovered <= 1 must hold, but got discovered={share!r}"
            )


Scenario = Random | Classes | Groups | GroupShare | Ids | Corrupted


def search_overlap(ratio_search: float, ratio_final: float) -> bool:
    """Whether a search forget set and a final one may share examples.

    >>> search_overlap(0.2, 0.8), search_overlap(0.1, 0.9)
    (False, True)
    """
    return ratio_search > SEARCH_POOL or ratio_final > FINAL_POOL


def forget_count(ratio: float, size: int) -> int:
    """Examples to forget: round(ratio * size), but at least one, and at least one is kept.

    >>> forget_count(0.1, 45_000), forget_count(0.001, 10), forget_count(0.99, 10)
    (4500, 1, 9)
    """
    return min(max(1, round(ratio * size)), size - 1)


def discovered_count(share: float, corrupted: int) -> int:
    """Examples to forget among the corrupted: round(share * corrupted), but at least one.

    >>> discovered_count(0.5, 101), discovered_count(0.001, 10), discovered_count(1.0, 7)
    (50, 1, 7)
    """
    return max(1, round(share * corrupted))


def named_members(scenario: Scenario) -> tuple[int, ...]:
    """The classes, groups or examples that it names; none where they are drawn."""
    match scenario:
        case Classes(numbers) | Groups(numbers) | Ids(numbers):
            return numbers
        case _:
            return ()


def check_scenario(scenario: Scenario, classes: int, groups: int = 0) -> None:
    """Refuse a scenario that a data set with so many classes and groups cannot have.

    Raises:
        InputError: classes or groups that do not exist, or that leave nothing to retain.
    """
    if isinstance(scenario, Classes):
        _check_known("class", scenario.classes, classes)
    elif isinstance(scenario, Groups):
        _check_known("group", scenario.groups, groups)
    elif isinstance(scenario, GroupShare) and groups < 2:
        raise InputError(f"scenario group: the data set has {groups} groups; it needs at least two")


def _check_ratio(name: str, ratio: object) -> None:
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < 1:
        raise InputError(f"scenario {name}: 0 < ratio < 1 must hold, but got ratio={ratio!r}")


def _check_numbers(name: str, numbers: Iterable[object]) -> None:
    listed = list(numbers)
    if not listed:
        raise InputError(f"scenario {name}: an empty list; name at least one {name}")
    for number in listed:
        if isinstance(number, bool) or not isinstance(number, int):
            raise InputError(f"scenario {name}: a {name} is a whole number; got {number!r}")
    if len(set(listed)) < len(listed):
        raise InputError(f"scenario {name}: {listed} names a {name} twice")


def _check_known(name: str, numbers: tuple[int, ...], count: int) -> None:
    for number in numbers:
        if not 0 <= number < count:
            known = f"there are 0 to {count - 1}" if count else f"the data set has no {name}s"
            raise InputError(f"scenario {name}: no {name} {number}; {known}")
    if len(numbers) == count:
        raise InputError(
            f"scenario {name}: all {count} are named by {list(numbers)}; nothing is left to retain"
        )
