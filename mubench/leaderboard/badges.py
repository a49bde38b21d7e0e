"""Badges: what a reader must know of a row before comparing it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mubench.leaderboard.noise import has_other_retrain, noise_of
from mubench.leaderboard.row import BoardRow
from mubench.report.analysis.format import STATUS_WORDS

LEGEND = {
    "single seed": "one train seed or one final request: its spread is unknown",
    "untuned": "run with its defaults, without a search",
    "over budget": "tuned with more candidates than most tuned rows of its cell",
    "other hardware": "ran on another device than most rows of its cell: its run time cannot be "
    "compared with theirs",
    "other Retrain": "its gaps are taken to another Retrain, or on other forget sets, than those "
    "that the cell shows",
    "other requests": "measured on requests that the cell's Retrain does not have: not paired",
    "failed": "final requests without a number: diverged, refused, out of memory, timed out, "
    "failed with an error, or not run",
    "diverged": "final requests that diverged; they count with their last finite weights",
    "flagged": "a flag that the measurement itself raised, such as predictions that did not change",
    "imputed": "in the ranking, a request without a number counts with the gap of the original",
}
"""What each kind of badge means."""


@dataclass(frozen=True)
class Badge:
    """One remark on a row: its kind, which the legend explains, and its text."""

    kind: str
    text: str


class Usual:
    """What is usual in a cell: the budget and device of most rows, and the Retrain it shows."""

    def __init__(self, rows: Sequence[BoardRow]) -> None:
        """Count once for all rows of a cell: boards have thousands."""
        self.budget = most_common(row.tuning.trials for row in rows if row.tuning)
        self.device = most_common(device for row in rows for device in row.devices)
        self.retrain = next((row for row in rows if row.method == "retrain"), None)
        requests = self.retrain.requests if self.retrain else ()
        self.anchors = {request.name: request for request in requests}
        self.noise = noise_of(self.retrain) if self.retrain else None


def badges_of(row: BoardRow, usual: Usual) -> tuple[Badge, ...]:
    """Return a row's badges, given what is usual in its cell."""
    shown: list[Badge] = []
    if len({request.seed_train for request in row.requests}) == 1:
        shown.append(Badge("single seed", "single seed"))
    if row.selection == "default":
        shown.append(Badge("untuned", "untuned"))
    if row.tuning and usual.budget and row.tuning.trials > usual.budget:
        text = f"over budget: {row.tuning.trials}, most {usual.budget}"
        shown.append(Badge("over budget", text))
    if row.devices != {usual.device}:
        shown.append(Badge("other hardware", "other hardware"))
    return (*shown, *_other_target(row, usual), *_issues(row))


T = TypeVar("T", int, str)


def most_common(values: Iterable[T]) -> T | None:
    """Return the most common value, the smallest of several; None without values."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value), default=None)


def _other_target(row: BoardRow, usual: Usual) -> list[Badge]:
    """Badges of a row whose requests are not those of the Retrain that the cell shows."""
    if usual.retrain is None:
        return []
    noise, anchors = usual.noise, usual.anchors
    shared = [
        (request, anchors[request.name]) for request in row.requests if request.name in anchors
    ]
    shown = []
    if any(
        one.forget_hash != other.forget_hash or has_other_retrain(one, other, noise)
        for one, other in shared
    ):
        shown.append(Badge("other Retrain", "other Retrain"))
    if len(shared) < len(row.requests):
        shown.append(Badge("other requests", "other requests"))
    return shown


def _issues(row: BoardRow) -> list[Badge]:
    """Badges of failures, divergence and flags, each with its count."""
    words = {str(status): word for status, word in STATUS_WORDS.items()}
    words["no_retrain"] = "without a Retrain"
    failed = Counter(str(request.status) for request in row.failures)
    shown = [
        Badge("failed", f"{words[status]} {failed[status]} of {row.expected}")
        for status in words
        if failed[status]
    ]
    if row.missing:
        shown.append(Badge("failed", f"not run {row.missing} of {row.expected}"))
    diverged = sum(request.status == "diverged" for request in row.requests)
    if diverged:
        shown.append(Badge("diverged", f"diverged {diverged} of {row.expected}"))
    flags = Counter(flag for request in row.requests for flag in request.flags)
    shown += [
        Badge("flagged", f"{flag} {n} of {row.expected}") for flag, n in sorted(flags.items())
    ]
    return shown
