"""The options of a data set, checked before anything is loaded."""

from collections.abc import Mapping
from typing import Any

from mubench.data.sources.newsgroup_text import PARTS
from mubench.errors import InputError, did_you_mean

TWIN_OPTIONS = ("duplicates", "near_duplicates")
TWIN_CHOICES = ("drop", "together", "keep")
"""What becomes of twins in D_tr: all but the first are left out, they are forgotten together, or no
notice is taken of them."""


def check_options(
    card: Mapping[str, Any], options: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """The card's options with the given ones put in; `where` begins every error.

    Raises:
        InputError: an option that the card does not have, or a value out of range.
    """
    known = {**card["options"], **({"trigger": None} if card["modality"] == "image" else {})}
    for name in options:
        if name not in known:
            raise InputError(f"{where}.{name}: unknown option; {did_you_mean(str(name), known)}")
    settings = {**known, **options}
    share = settings.get("flip_labels", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise InputError(f"{where}.flip_labels: a share in [0, 1] is needed; got {share!r}")
    for name in ("train_size", "holdout_size"):
        size = settings.get(name)
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise InputError(f"{where}.{name}: a number of examples is needed; got {size!r}")
    for name in TWIN_OPTIONS:
        given = settings.get(name, "keep")
        if given not in TWIN_CHOICES:
            raise InputError(
                f"{where}.{name}: one of {', '.join(TWIN_CHOICES)} is needed; got {given!r}"
            )
    _check_text(settings, where)
    if settings.get("trigger") is not None:
        classes = tuple(map(str, card["classes"]))
        settings["trigger"] = _checked_trigger(settings["trigger"], classes, f"{where}.trigger")
        if share:
            raise InputError(f"{where}.trigger: stands for wrong labels alone, without flip_labels")
    return settings


def corrupted_share(settings: Mapping[str, Any]) -> float:
    """Share of D_tr whose labels are made wrong by these options, which are checked."""
    trigger = settings.get("trigger")
    share: float = trigger["share"] if trigger else settings.get("flip_labels", 0.0)
    return share


def _checked_trigger(given: Any, classes: tuple[str, ...], where: str) -> dict[str, Any]:
    """The option `trigger`, with its class by number.

    Raises:
        InputError: it is no mapping of `share` and `to`, or one of them cannot be.
    """
    if not isinstance(given, dict) or given.keys() != {"share", "to"}:
        raise InputError(f"{where}: a mapping {{share: 0.1, to: CLASS}} is needed; got {given!r}")
    share, to = given["share"], given["to"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise InputError(f"{where}.share: a share between 0 and 1 is needed; got {share!r}")
    number = classes.index(to) if to in classes else to
    if isinstance(number, bool) or number not in range(len(classes)):
        raise InputError(
            f"{where}.to: a class by name, or by number from 0 to {len(classes) - 1}, is needed; "
            f"got {to!r}"
        )
    return {"share": float(share), "to": number}


def _check_text(settings: Mapping[str, Any], where: str) -> None:
    remove = settings.get("remove") or []
    if not isinstance(remove, list | tuple):
        raise InputError(f"{where}.remove: a list of {', '.join(PARTS)} is needed; got {remove!r}")
    for part in remove:
        if part not in PARTS:
            raise InputError(f"{where}.remove: {did_you_mean(str(part), PARTS)}; got {part!r}")
    if not isinstance(settings.get("deduplicate", False), bool):
        raise InputError(
            f"{where}.deduplicate: true or false is needed; got {settings['deduplicate']!r}"
        )
