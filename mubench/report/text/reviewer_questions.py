"""What reviewers ask of unlearning papers, answered from the records before they ask."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal

from mubench.report.analysis.aggregate import Cell
from mubench.report.analysis.significance import fewest_pairs
from mubench.report.analysis.tuning import Study
from mubench.report.figures.curves import smoothing_rows
from mubench.report.format import STATUS_WORDS, listed, plural, points, seconds
from mubench.store.record import Record
from mubench.store.results import ReportSource

Standing = Literal["answered", "in part", "missing"]
_ENOUGH_SEEDS = 5


@dataclass(frozen=True)
class Question:
    """A question, what this sweep can say to it, and whether that is enough."""

    asked: str
    answer: str
    standing: Standing


@dataclass(frozen=True)
class _Facts:
    source: ReportSource
    cells: Sequence[Cell]
    studies: Sequence[Study]
    records: Sequence[Record]

    @cached_property
    def finals(self) -> list[Record]:
        return [record for record in self.records if record.kind == "final"]


def questions(
    source: ReportSource, cells: Sequence[Cell], studies: Sequence[Study]
) -> tuple[Question, ...]:
    """Answer each question; none where nothing has finished."""
    facts = _Facts(source, [cell for cell in cells if not cell.is_empty], studies, source.newest())
    if not facts.finals:
        return ()
    return tuple(ask(facts) for ask in _ASKED)


def _repetitions(facts: _Facts) -> Question:
    rows = [row for cell in facts.cells for row in cell.methods]
    fewest = min((len(row.scored) for row in rows), default=0)
    lacking = sum(len(cell.retrain.scored) < cell.retrain.expected for cell in facts.cells)
    trained = {record.seed_train for record in facts.finals}
    needed = fewest_pairs()
    is_enough = fewest >= max(needed, _ENOUGH_SEEDS) and not lacking
    standing: Standing = "answered" if is_enough else "in part"
    return Question(
        "How often was each number repeated?",
        f"Each row of a cell is a mean over at least {plural(fewest, 'request')}; originals were "
        f"trained with {plural(len(trained), 'seed')}. "
        + (
            f"In {plural(lacking, 'cell')} a Retrain is missing. "
            if lacking
            else "Every request has its own Retrain. "
        )
        + f"A verdict on a single planned comparison needs {needed} requests that share neither "
        "training nor forget set, one among all pairs of a table more.",
        standing,
    )


def _leaks(facts: _Facts) -> Question:
    overlaps = sum("search_overlap" in record.flags for record in facts.finals)
    asked = "Was anything tuned on what is reported here?"
    if not facts.studies:
        return Question(asked, "Nothing was tuned: all rows are defaults.", "answered")
    said = (
        "No request, forget set, class or seed that a search saw is reported, and searches saw "
        "validation data in place of test data."
    )
    if overlaps:
        said = (
            f"In {plural(overlaps, 'final step')} the forget set is so large that it overlaps with "
            "those of the search (flag search_overlap); test data were never seen."
        )
    return Question(asked, said, "in part" if overlaps else "answered")


def _budgets(facts: _Facts) -> Question:
    asked = "Did every method get the same tuning budget?"
    if not facts.studies:
        return Question(asked, "No method was tuned.", "missing")
    budgets = sorted({study.trials for study in facts.studies})
    unfinished = sum(len(study.objectives) < study.trials for study in facts.studies)
    untuned = sum(
        row.selection == "default" and row.label not in cell.searched
        for cell in facts.cells
        for row in cell.methods
    )
    doubts = [f"{plural(unfinished, 'search', 'searches')} not finished"] if unfinished else []
    doubts += [f"{plural(untuned, 'row')} without a search"] if untuned else []
    spent = [study.seconds for study in facts.studies]
    dimensions = sorted({r.free_dimensions for study in facts.studies for r in study.records})
    return Question(
        asked,
        f"Each search was given {' or '.join(str(budget) for budget in budgets)} candidates, the "
        "defaults first; failed ones count"
        + (f" ({listed(doubts)})" if doubts else "")
        + f". A search cost {seconds(min(spent))} to {seconds(max(spent))} s. Searched dimensions: "
        f"{listed([str(d) for d in dimensions])}.",
        "in part" if doubts or len(budgets) > 1 else "answered",
    )


def _optimism(facts: _Facts) -> Question:
    held = [study.optimism for study in facts.studies if study.optimism is not None]
    asked = "How much did the search flatter itself?"
    if not held:
        return Question(asked, "Unknown: no study has both a search and final steps.", "missing")
    return Question(
        asked,
        "Optimism (final gap minus the one promised in the search) is "
        f"{points(fmean(held), signed=True)} points on average over "
        f"{plural(len(held), 'study', 'studies')}, from "
        f"{points(min(held), signed=True)} to {points(max(held), signed=True)}.",
        "answered",
    )


def _floors(facts: _Facts) -> Question:
    held = [cell.floor for cell in facts.cells if cell.floor]
    asked = "How close can anything be, given that Retrain itself is random?"
    if not held:
        return Question(asked, "Unknown: no request was retrained twice.", "missing")
    means = [floor.mean["gap"] for floor in held if "gap" in floor.mean]
    return Question(
        asked,
        f"Two Retrains of one request differ by {points(min(means))} to {points(max(means))} "
        "points of Avg. Gap on average, by cell: the row “Retrain vs Retrain”. A smaller gap is "
        "noise.",
        "answered" if len(held) == len(facts.cells) else "in part",
    )


def _attacks(facts: _Facts) -> Question:
    weak = sum("uninformative attack" in record.flags for record in facts.finals)
    names = {name for record in facts.finals for name in record.metrics}
    also = [title for name, title in _ATTACKS.items() if name in names]
    said = (
        "MIA is the field's confidence attack; it was near chance on its own training data in "
        f"{weak} of {plural(len(facts.finals), 'final step')}, where its value is arbitrary."
    )
    said += f" Beside it: {listed(also)} (all metrics, below each table)." if also else ""
    return Question(
        "Is the membership attack strong enough?", said, "answered" if len(also) > 1 else "in part"
    )


_ATTACKS = {"mia_auc": "the AUC of a class-matched loss attack", "rmia_auc": "offline RMIA"}


def _ratios(facts: _Facts) -> Question:
    ratios = sorted({cell.ratio for cell in facts.cells if cell.ratio is not None})
    said = f"Forget ratios: {listed([f'{ratio:g}' for ratio in ratios]) or 'none'}."
    return Question("Does it hold at other forget ratios?", said, _count(len(ratios)))


def _breadth(facts: _Facts) -> Question:
    data, models, kinds = (
        sorted({getattr(cell, name) for cell in facts.cells})
        for name in ("dataset", "model", "kind")
    )
    axes = (("data set", data), ("model", models), ("scenario", kinds))
    said = "; ".join(f"{plural(len(found), noun)} ({listed(found)})" for noun, found in axes)
    fewest = min(len(found) for _, found in axes)
    return Question("Does it hold elsewhere?", f"{said[0].upper()}{said[1:]}.", _count(fewest))


def _smoothing(facts: _Facts) -> Question:
    rates = sorted({rate for cell in facts.cells for _, rate in smoothing_rows(cell)})
    said = (
        f"Rows of their own for {listed([f'{rate:g}' for rate in rates])}: see the curves."
        if rates
        else "The sweep has no grid of smoothing rates; where a rate was searched, see importance."
    )
    return Question("How sensitive is it to the smoothing rate?", said, _count(len(rates)))


def _cost(facts: _Facts) -> Question:
    alone = sum(record.exclusive for record in facts.finals)
    devices = sorted({record.device for record in facts.records if record.device})
    return Question(
        "Can the times be compared?",
        f"{alone} of {plural(len(facts.finals), 'final step')} had the device to themselves; "
        f"{plural(len(devices), 'device')}: {listed(devices) or 'unknown'}. RTE is CPU time on a "
        "CPU and wall time on a GPU, preparation included; passes and FLOPs, which no busy "
        "machine disturbs, are among all metrics.",
        "answered" if len(devices) <= 1 and alone == len(facts.finals) else "in part",
    )


def _failures(facts: _Facts) -> Question:
    others = [record for record in facts.records if record.kind != "final"]
    said = [
        f"Of {plural(len(held), noun)}: {listed(words)}."
        for noun, held in (("final step", facts.finals), ("other step", others))
        if (words := _troubles(held))
    ]
    missing = max(0, sum(facts.source.expected.values()) - len(facts.finals))
    said += [f"{plural(missing, 'final step')} not run yet."] if missing else []
    return Question(
        "What failed, and was it dropped?",
        f"{' '.join(said) or 'No step failed.'} Nothing is dropped: what went wrong in a "
        "final step stands in its row's footnotes, a failed candidate counts as the worst "
        "there is, and a row that lacks numbers is not ranked.",
        "in part" if missing else "answered",
    )


def _troubles(records: Sequence[Record]) -> list[str]:
    counts = Counter(record.status for record in records)
    return [f"{counts[status]} {word}" for status, word in STATUS_WORDS.items() if counts[status]]


def _recipe(facts: _Facts) -> Question:
    return Question(
        "Which hyperparameters made this number?",
        "Click any number: hyperparameters, seeds, hash of the forget set, versions, device, and "
        "the command that computes it again.",
        "answered",
    )


def _count(number: int) -> Standing:
    return "answered" if number > 1 else "in part" if number else "missing"


_ASKED: Sequence[Callable[[_Facts], Question]] = (
    _recipe,
    _repetitions,
    _floors,
    _leaks,
    _budgets,
    _optimism,
    _attacks,
    _smoothing,
    _ratios,
    _breadth,
    _cost,
    _failures,
)
