"""The folded tables below a cell: paired comparisons and tuning, as they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from mubench.report.analysis.aggregate import SELECTIONS
from mubench.report.analysis.comparisons import Comparison, Verdicts, against_closest
from mubench.report.analysis.format import format_percent, format_seconds, join_words
from mubench.report.analysis.tuning import BUDGETS, Study

_COMPARISONS = (
    "Differences of Avg. Gap on the same requests, in points; negative: the first row is closer to "
    "Retrain. Only the closest row's pairs are listed. Luck: standard deviation of the difference "
    "that comes from the searches. Interval: 95 % BCa bootstrap, too narrow for few requests, "
    "widened by the luck. p: exact sign-flip test, or a t-test with the luck as one more error, "
    "whichever is larger; p, Holm: corrected for all pairs of the group. A planned comparison, of "
    "a method and the one it builds on, is not corrected. Closer in: requests in which the first "
    "row is closer. Probability: their share of the requests without a tie, with an exact "
    "interval. Requests that share a training or a forget set count once, by their mean."
)
_OBJECTIVES = {
    "avg_gap": "Objective: Avg. Gap on search requests, with validation data in place of test "
    "data; in points.",
    "robust_gap": "Objective: the robust gap on search requests, with validation data in place of "
    "test data; in points.",
    "accuracy_gap": "Objective: the accuracy gap on search requests, with validation data in place "
    "of test data; in points.",
    "retrain_free": "Objective: a proxy for Avg. Gap that needs no Retrain (retrain_free), on "
    "search requests and validation data; it is no gap, so there is no difference to the final "
    "gap.",
}


@dataclass(frozen=True)
class Details:
    """A folded table: a title, how to read it, headings, and rows of texts below them."""

    title: str
    hint: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str]
    """Headings of the columns that hold words; the others hold numbers."""
    descriptions: tuple[str, ...] = ()
    """Description of each row, if it has one."""
    is_open: bool = False
    """Whether the page unfolds it."""
    faint: frozenset[int] = frozenset()
    """Rows whose numbers say nothing, by place."""


def comparison_table(verdicts: Verdicts) -> Details | None:
    """Print the pairs of the closest row, and the planned comparisons; None without any."""
    rows = [
        _comparison(pair, selection, is_planned=is_planned)
        for selection in SELECTIONS
        for is_planned, pairs in (
            (False, against_closest(verdicts.pairs[selection])),
            (True, verdicts.planned[selection]),
        )
        for pair in pairs
    ]
    headings = (
        "Comparison",
        "Rows",
        "Difference",
        "Luck",
        "95 % interval",
        "p",
        "p, Holm",
        "Closer in",
    )
    return _details("Paired comparisons", _COMPARISONS, (*headings, "Probability", "Verdict"), rows)


def _comparison(pair: Comparison, selection: str, *, is_planned: bool) -> tuple[str, ...]:
    low, high = pair.improvement_interval
    ends = [format_percent(end, signed=True) for end in pair.interval or ()]
    return (
        f"{pair.first.title} against {pair.second.title}",
        f"{selection}, planned" if is_planned else selection,
        format_percent(pair.difference.mean, signed=True),
        format_percent(pair.luck) if pair.luck else "—",
        " to ".join(ends) or "—",
        f"{pair.p_value:.3f}",
        "—" if is_planned else f"{pair.p_holm:.3f}",
        f"{pair.wins} of {len(pair.differences)}",
        f"{100 * pair.improvement:.0f} % [{100 * low:.0f}, {100 * high:.0f}]",
        pair.verdict,
    )


def tuning_table(studies: Sequence[Study], objective: str) -> Details | None:
    """Print how each row was tuned; None where no row was."""
    budgets = join_words([str(budget) for budget in BUDGETS])
    hint = (
        f"{_OBJECTIVES[objective]} Best of {budgets}: the expected smallest objective of a search "
        "with so few candidates, on its first request. Final minus search gap: positive where the "
        "search was optimistic. Luck: standard deviation of Avg. Gap over searches with other "
        "candidates."
    )
    headings = (
        *("Row", "Candidates", "Completed", "Default"),
        *(f"Best of {budget}" for budget in BUDGETS),
        *("Chosen", "Gap in search", "Final gap", "Final minus search gap", "Luck", "Search (s)"),
    )
    return _details("Tuning", hint, headings, [_tuning(study) for study in studies])


def _tuning(study: Study) -> tuple[str, ...]:
    return (
        study.title,
        f"{len(study.objectives)} of {study.trials}",
        str(study.completed),
        *(_percent(study.best_of(budget)) for budget in (1, *BUDGETS)),
        f"#{study.chosen}" if study.chosen >= 0 else "—",
        _percent(study.search_gap),
        _percent(study.final),
        "—" if study.optimism is None else format_percent(study.optimism, signed=True),
        _percent(study.luck),
        format_seconds(study.seconds),
    )


def _percent(fraction: float | None) -> str:
    return "—" if fraction is None else format_percent(fraction)


def _details(
    title: str, hint: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> Details | None:
    words = frozenset({"Comparison", "Row", "Rows", "Verdict"})
    return Details(title, hint, headings, tuple(rows), words) if rows else None
