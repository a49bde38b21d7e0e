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


def badges_of(row: BoardRow, others: Sequence[BoardRow]) -> tuple[Badge, ...]:
    """Return a row's badges, given all rows of its cell (itself among them)."""
    shown: list[Badge] = []
    if len({request.seed_train for request in row.requests}) == 1:
        shown.append(Badge("single seed", "single seed"))
    if row.selection == "default":
        shown.append(Badge("untuned", "untuned"))
    budget = most_common(other.tuning.trials for other in others if other.tuning)
    if row.tuning and budget and row.tuning.trials > budget:
        shown.append(Badge("over budget", f"over budget: {row.tuning.trials}, most {budget}"))
    if row.devices != {most_common(device for other in others for device in other.devices)}:
        shown.append(Badge("other hardware", "other hardware"))
    return (*shown, *_other_target(row, others), *_issues(row))


T = TypeVar("T", int, str)


def most_common(values: Iterable[T]) -> T | None:
    """Return the most common value, the smallest of several; None without values."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value), default=None)


def _other_target(row: BoardRow, others: Sequence[BoardRow]) -> list[Badge]:
    """Badges of a row whose requests are not those of the Retrain that the cell shows."""
    retrain = next((other for other in others if other.method == "retrain"), None)
    if retrain is None:
        return []
    noise, anchors = noise_of(retrain), {request.name: request for request in retrain.requests}
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
