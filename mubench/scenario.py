"""What a forget scenario is, as far as a plan must know it: pools, counts, refusals. No torch.

A scenario is a mapping: `{"scenario": "random", "ratio": 0.1}` or
`{"scenario": "class", "classes": [3]}`. Searching and reporting draw their random forget sets from
two disjoint pools of D_tr.
"""

from collections.abc import Mapping
from typing import Any, Literal

from mubench.errors import InputError, did_you_mean

Purpose = Literal["search", "final"]

SEARCH_POOL = 0.2
"""Share of D_tr that search forget sets are drawn from first."""
FINAL_POOL = 0.8
"""Share of D_tr that final forget sets are drawn from first."""

ARGUMENTS = {"random": "ratio", "class": "classes"}
"""Known scenarios and the one argument of each."""


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


def check_scenario(scenario: Mapping[str, Any], num_classes: int) -> None:
    """Refuse what no data set with `num_classes` classes can be asked.

    Raises:
        InputError: an unknown scenario or argument, a ratio outside (0, 1), or classes that do not
            exist, repeat, or leave nothing to retain.
    """
    name = str(scenario.get("scenario"))
    if name not in ARGUMENTS:
        raise InputError(f"scenario {name}: unknown; {did_you_mean(name, ARGUMENTS)}")
    wanted = {"scenario", ARGUMENTS[name]}
    if set(scenario) != wanted:
        raise InputError(
            f"scenario {name}: needs the keys {sorted(wanted)}, got {sorted(scenario)}"
        )
    if name == "random":
        _check_ratio(scenario["ratio"])
    else:
        _check_classes(scenario["classes"], num_classes)


def _check_ratio(ratio: object) -> None:
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < 1:
        raise InputError(f"scenario random: 0 < ratio < 1 must hold, but got ratio={ratio!r}")


def _check_classes(classes: object, num_classes: int) -> None:
    where = "scenario class"
    if not isinstance(classes, list | tuple) or not classes:
        raise InputError(f"{where}: classes must be a list of class numbers, got {classes!r}")
    for label in classes:
        if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < num_classes:
            raise InputError(f"{where}: no class {label!r}; there are 0 to {num_classes - 1}")
    if len(set(classes)) < len(classes):
        raise InputError(f"{where}: a class is named twice in {list(classes)}")
    if len(classes) == num_classes:
        raise InputError(f"{where}: all {num_classes} classes are named; nothing is left to retain")
