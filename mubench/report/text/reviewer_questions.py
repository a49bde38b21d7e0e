"""A reviewer's checklist for unlearning papers, answered from the records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal

from mubench.errors import plural
from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.analysis.format import (
    format_percent,
    format_seconds,
    join_words,
    status_counts,
)
from mubench.report.analysis.significance import fewest_pairs
from mubench.report.analysis.tuning import Study
from mubench.report.figures.curves import curve_axes
from mubench.store.record import Record
from mubench.store.results import SweepResults

Standing = Literal["answered", "partial", "missing"]
_ENOUGH_SEEDS = 5


@dataclass(frozen=True)
class Question:
    """A question, the answer that this sweep can give, and whether it is complete."""

    asked: str
    answer: str
    standing: Standing


@dataclass(frozen=True)
class _Facts:
    source: SweepResults
    cells: Sequence[Cell]
    studies: Sequence[Study]
    records: Sequence[Record]

    @cached_property
    def finals(self) -> list[Record]:
        return [record for record in self.records if record.kind == "final"]


def questions(
    source: SweepResults, cells: Sequence[Cell], studies: Sequence[Study]
) -> tuple[Question, ...]:
    """Answer each question; none where no final step has completed."""
    facts = _Facts(
        source, [cell for cell in cells if not cell.is_empty], studies, source.latest_records
    )
    if not facts.finals:
        return ()
    return (*(ask(facts) for ask in _QUESTIONS), *_curves(facts))


def _repetitions(facts: _Facts) -> Question:
    rows = [row for cell in facts.cells for row in cell.methods]
    fewest = min((len(row.scored) for row in rows), default=0)
    incomplete = sum(len(cell.retrain.scored) < cell.retrain.expected for cell in facts.cells)
    trained = {record.seed_train for record in facts.finals}
    needed = fewest_pairs()
    is_enough = fewest >= max(needed, _ENOUGH_SEEDS) and not incomplete
    standing: Standing = "answered" if is_enough else "partial"
    return Question(
        "How many repetitions does each number have?",
        f"Each row of a cell is a mean over at least {plural(fewest, 'request')}; originals were "
        f"trained with {plural(len(trained), 'seed')}. "
        + (
            f"In {plural(incomplete, 'cell')} a Retrain is missing. "
            if incomplete
            else "Every request has its own Retrain. "
        )
        + f"A planned comparison can be significant with {needed} requests that share neither "
        "training nor forget set; a comparison among all pairs of a table needs more.",
        standing,
    )


def _leaks(facts: _Facts) -> Question:
    overlaps = sum("search_overlap" in record.flags for record in facts.finals)
    question = "Was anything tuned on reported data?"
    if not facts.studies:
        return Question(question, "No row was tuned: all have their defaults.", "answered")
    answer = (
        "No request, forget set, class or seed of a search is reported, and searches used "
        "validation data in place of test data."
    )
    if overlaps:
        answer = (
            f"In {plural(overlaps, 'final step')} the forget set is so large that it overlaps with "
            "those of the search (flag search_overlap); searches never used test data."
        )
    return Question(question, answer, "partial" if overlaps else "answered")


def _budgets(facts: _Facts) -> Question:
    question = "Did every method have the same tuning budget?"
    if not facts.studies:
        return Question(question, "No method was tuned.", "missing")
    budgets = sorted({study.trials for study in facts.studies})
    unfinished = sum(len(study.objectives) < study.trials for study in facts.studies)
    untuned = sum(
        row.selection == "default" and row.label not in cell.searched
        for cell in facts.cells
        for row in cell.methods
    )
    doubts = [f"{plural(unfinished, 'search', 'searches')} not completed"] if unfinished else []
    doubts += [f"{plural(untuned, 'row')} without a search"] if untuned else []
    spent = [study.seconds for study in facts.studies]
    dimensions = sorted({r.free_dimensions for study in facts.studies for r in study.records})
    return Question(
        question,
        f"Each search had {' or '.join(str(budget) for budget in budgets)} candidates, the "
        "defaults first; failed candidates count"
        + (f" ({join_words(doubts)})" if doubts else "")
        + f". A search took {format_seconds(min(spent))} to {format_seconds(max(spent))} s. "
        f"Searched dimensions: {join_words([str(d) for d in dimensions])}.",
        "partial" if doubts or len(budgets) > 1 else "answered",
    )


def _optimism(facts: _Facts) -> Question:
    optimisms = [study.optimism for study in facts.studies if study.optimism is not None]
    question = "How large is the gap between search and final results?"
    if not optimisms:
        return Question(question, "Unknown: no row has both a search and final steps.", "missing")
    return Question(
        question,
        "The final gap minus the gap in the search is "
        f"{format_percent(fmean(optimisms), signed=True)} points on average over "
        f"{plural(len(optimisms), 'study', 'studies')}, from "
        f"{format_percent(min(optimisms), signed=True)} to "
        f"{format_percent(max(optimisms), signed=True)}.",
        "answered",
    )


def _luck(facts: _Facts) -> Question:
    question = "How much of a tuned number is luck in tuning?"
    if not facts.studies:
        return Question(question, "Nothing: no row was tuned.", "answered")
    tuned = [row for cell in facts.cells for row in cell.methods if row.searched]
    known = [(row, luck) for row in tuned if (luck := row.luck("gap")) is not None]
    if not known:
        return Question(question, "Unknown: the searches did not record Avg. Gap.", "missing")
    row, most = max(known, key=lambda pair: pair[1])
    shares = [share for row, luck in known if (share := _share(row, luck)) is not None]
    return Question(
        question,
        "With other candidates in its search, the mean Avg. Gap of a tuned row would have a "
        f"standard deviation of {format_percent(fmean(luck for _, luck in known))} points on "
        f"average over {plural(len(known), 'row')}, {format_percent(most)} at most ({row.title})"
        + (
            f"; that is {100 * fmean(shares):.0f} % of the variance of such a mean, the rest is "
            "requests and training"
            if shares
            else ""
        )
        + ". Tests and intervals of tuned rows allow for it; spreads (±) do not contain it.",
        "answered",
    )


def _share(row: Row, luck: float) -> float | None:
    """Which share of the variance of a row's mean gap comes from tuning."""
    gap = row.estimates.get("gap")
    if gap is None or gap.spread is None:
        return None
    total = luck**2 + gap.spread**2 / gap.n
    return luck**2 / total if total else 0.0


def _floors(facts: _Facts) -> Question:
    floors = [cell.floor for cell in facts.cells if cell.floor]
    question = "How large is the noise of Retrain itself?"
    if not floors:
        return Question(question, "Unknown: no request was retrained twice.", "missing")
    means = [floor.mean["gap"] for floor in floors if "gap" in floor.mean]
    return Question(
        question,
        f"Two Retrains of one request differ by {format_percent(min(means))} to "
        f"{format_percent(max(means))} points of Avg. Gap on average, by cell (row “Retrain vs "
        "Retrain”). A smaller gap is within the noise.",
        "answered" if len(floors) == len(facts.cells) else "partial",
    )


def _attacks(facts: _Facts) -> Question:
    weak = sum("uninformative attack" in record.flags for record in facts.finals)
    names = {name for record in facts.finals for name in record.metrics}
    stronger = [title for name, title in _ATTACKS.items() if name in names]
    answer = (
        "MIA is the confidence attack that most papers use. It was near chance on its own "
        f"training data in {weak} of {plural(len(facts.finals), 'final step')}; there its value is "
        "arbitrary."
    )
    if stronger:
        answer += f" Also recorded: {join_words(stronger)} (All metrics, below each table)."
    return Question(
        "Is the membership attack strong enough?",
        answer,
        "answered" if len(stronger) > 1 else "partial",
    )


_ATTACKS = {"mia_auc": "the AUC of a class-matched loss attack", "rmia_auc": "offline RMIA"}


def _ratios(facts: _Facts) -> Question:
    ratios = sorted({cell.ratio for cell in facts.cells if cell.ratio is not None})
    answer = f"Forget ratios: {join_words([f'{ratio:g}' for ratio in ratios]) or 'none'}."
    return Question("Which forget ratios were measured?", answer, _count(len(ratios)))


def _breadth(facts: _Facts) -> Question:
    data, models, kinds = (
        sorted({getattr(cell, name) for cell in facts.cells})
        for name in ("dataset", "model", "kind")
    )
    axes = (("data set", data), ("model", models), ("scenario", kinds))
    answer = "; ".join(f"{plural(len(names), noun)} ({join_words(names)})" for noun, names in axes)
    fewest = min(len(names) for _, names in axes)
    return Question(
        "Which data sets, models and scenarios were measured?",
        f"{answer[0].upper()}{answer[1:]}.",
        _count(fewest),
    )


def _curves(facts: _Facts) -> list[Question]:
    """Ask about each hyperparameter that a method's card declares as an axis of a curve."""
    grids: dict[str, set[float]] = {}
    for axis in (axis for cell in facts.cells for axis in curve_axes(cell)):
        grids.setdefault(axis.title, set()).update(value for _, value in axis.points)
    return [
        Question(
            f"How sensitive are the results to the {title}?",
            f"Rows with a value of their own: {join_words([f'{v:g}' for v in sorted(values)])}; "
            "see the curves."
            if values
            else f"The sweep has no grid of the {title}; the importances show it.",
            _count(len(values)),
        )
        for title, values in grids.items()
    ]


def _cost(facts: _Facts) -> Question:
    exclusive = sum(record.exclusive for record in facts.finals)
    devices = sorted({record.device for record in facts.records if record.device})
    return Question(
        "Can the times be compared?",
        f"{exclusive} of {plural(len(facts.finals), 'final step')} ran on an exclusive device; "
        f"{plural(len(devices), 'device')}: {join_words(devices) or 'unknown'}. RTE is CPU "
        "time on a CPU and wall time on a GPU, preparation included. Passes and FLOPs (All "
        "metrics, below each table) do not depend on the load of the machine.",
        "answered" if len(devices) <= 1 and exclusive == len(facts.finals) else "partial",
    )


def _failures(facts: _Facts) -> Question:
    others = [record for record in facts.records if record.kind != "final"]
    sentences = [
        f"Of {plural(len(records), noun)}: {join_words(words)}."
        for noun, records in (("final step", facts.finals), ("other step", others))
        if (words := status_counts(record.status for record in records))
    ]
    missing = max(0, sum(facts.source.expected.values()) - len(facts.finals))
    sentences += [f"{plural(missing, 'final step')} not run yet."] if missing else []
    return Question(
        "Which steps failed, and were they dropped?",
        f"{' '.join(sentences) or 'No step failed.'} Nothing is dropped: problems of final steps "
        "are in the footnotes of their rows, a failed candidate counts with the largest gap, and a "
        "row that lacks numbers is not ranked.",
        "partial" if missing else "answered",
    )


def _recipe(facts: _Facts) -> Question:
    return Question(
        "Which hyperparameters gave each number?",
        "Click a number for its hyperparameters, seeds, hash of the forget set, versions, device, "
        "and the command that reproduces it.",
        "answered",
    )


def _count(number: int) -> Standing:
    return "answered" if number > 1 else "partial" if number else "missing"


_QUESTIONS: Sequence[Callable[[_Facts], Question]] = (
    _recipe,
    _repetitions,
    _floors,
    _leaks,
    _budgets,
    _optimism,
    _luck,
    _attacks,
    _ratios,
    _breadth,
    _cost,
    _failures,
)
