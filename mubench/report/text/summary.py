"""A cell in plain words: which row is closest to Retrain, how significant that is, and doubts."""

import math
from collections.abc import Sequence
from statistics import fmean

from mubench.errors import plural
from mubench.report.analysis.aggregate import Cell, Estimate, Row, finite_values
from mubench.report.analysis.comparisons import Comparison, Verdicts, against_closest
from mubench.report.analysis.evidence import MAIN, failed_blocks
from mubench.report.analysis.format import (
    format_percent,
    format_seconds,
    join_words,
    status_counts,
)
from mubench.report.analysis.significance import LEVEL


def headline(cell: Cell) -> str:
    """Say in one or two sentences what the cell shows, or why it shows nothing."""
    if cell.is_empty:
        return "No step of this cell has completed."
    selection = cell.leading_selection
    if selection is None:
        return _nothing_ranked(cell)
    best = cell.ranked(selection)[0]
    gap = best.estimates["gap"]
    closest = f"Closest to Retrain: {best.title} ({selection}), Avg. Gap {spread_text(gap)}"
    return f"{closest} points over {plural(gap.n, 'request')}. {floor_words(cell)}"


def remarks(cell: Cell, verdicts: Verdicts) -> tuple[str, ...]:
    """Say what else a reader must know of the cell: cost, significance, then the original."""
    selection = cell.leading_selection
    if selection is None:
        return ()
    sentences = [
        _cost(cell, selection),
        _left_out(cell, selection),
        _worse_than_defaults(cell),
        _by_robust_gap(cell, selection),
        _within_floor(cell, selection),
        _evidence(cell),
    ]
    if not original_is_within_noise(cell):
        sentences += [_significance(verdicts, selection), *_backbones(verdicts.planned[selection])]
    sentences.append(_original(cell, selection))
    return tuple(sentence for sentence in sentences if sentence)


def warnings(cell: Cell) -> tuple[str, ...]:
    """Say what makes the cell's numbers doubtful or unable to tell methods apart."""
    doubts = []
    if original_is_within_noise(cell) and cell.floor and cell.forget_signal is not None:
        signal, high = (
            format_percent(cell.forget_signal),
            format_percent(cell.floor.percentile_95["ua"]),
        )
        doubts.append(
            f"The original and Retrain differ by {signal} points of UA, no more than two Retrains "
            f"do ({high} at the 95th percentile): the original is already within Retrain's noise, "
            "so this cell cannot rank methods."
        )
    if not cell.is_empty and not cell.retrain.scored:
        has_gaps = any("gap" in row.estimates for row in cell.methods)
        doubts.append(
            "Retrain's own records are missing: the gaps cannot be checked here."
            if has_gaps
            else "No Retrain has completed: no gap can be computed."
        )
    if not cell.is_empty and not cell.original.scored:
        doubts.append("The original was not scored: its Avg. Gap is unknown.")
    return (*doubts, *_repetitions(cell))


def _repetitions(cell: Cell) -> tuple[str, ...]:
    """Say where numbers come from a single request, or from a single training."""
    records = [record for row in cell.methods for record in row.scored]
    requests = {record.request for record in records}
    if len(requests) == 1:
        return ("Only one request: the variation between requests is unknown.",)
    if requests and len({record.seed_train for record in records}) == 1:
        seed = records[0].seed_train
        return (
            f"All requests start from one original (train seed {seed}): the variation between "
            "trainings is unknown.",
        )
    return ()


def floor_words(cell: Cell) -> str:
    """Say how far two Retrains of one request lie apart."""
    if cell.floor is None:
        return "Noise floor unknown: no request was retrained twice."
    mean, high = cell.floor.mean["gap"], cell.floor.percentile_95["gap"]
    return (
        f"Noise floor: two Retrains of one request differ by {format_percent(mean)} points "
        f"(95th percentile {format_percent(high)}, {plural(cell.floor.pairs, 'pair')})."
    )


def spread_text(value: Estimate) -> str:
    """Print mean ± standard deviation in percent."""
    spread = "" if value.spread is None else f" ± {format_percent(value.spread)}"
    return format_percent(value.mean) + spread


def original_is_within_noise(cell: Cell) -> bool:
    """Return whether the original is, on D_f, as close to Retrain as another Retrain."""
    signal, floor = cell.forget_signal, cell.floor
    return signal is not None and floor is not None and signal <= floor.percentile_95["ua"]


def _nothing_ranked(cell: Cell) -> str:
    finals = [record for row in cell.methods for record in row.records]
    if not finals:
        return "No final step of a method has completed."
    if any(row.scored for row in cell.methods):
        return "No method has completed all of its final steps: no row is ranked."
    words = status_counts(record.status for record in finals)
    return f"No final step has metrics: {join_words(words)}."


def _within_floor(cell: Cell, selection: str) -> str:
    if cell.floor is None:
        return ""
    high = cell.floor.percentile_95["gap"]
    near = [row.title for row in cell.ranked(selection) if row.estimates["gap"].mean <= high]
    return f"Within the noise floor's 95th percentile: {join_words(near)}." if near else ""


def _evidence(cell: Cell) -> str:
    """Name rows that the main table cannot tell from Retrain, and what else can."""
    unmasked = [
        f"{title} ({join_words(blocks)})"
        for title, blocks in failed_blocks(cell).items()
        if blocks and MAIN not in blocks
    ]
    if not unmasked:
        return ""
    return (
        f"Like Retrain in UA, MIA, RA and TA, but not in further evidence: {join_words(unmasked)}."
    )


def _left_out(cell: Cell, selection: str) -> str:
    """Name rows that are not ranked, and defaults that are closer than the best tuned row."""
    ranked = cell.ranked(selection)
    missing = [
        f"{row.title} ({len(row.scored)} of {row.expected})"
        for row in cell.methods
        if row.selection == selection and row not in ranked
    ]
    sentences = (
        [f"Not ranked, because numbers are missing: {join_words(missing)}."] if missing else []
    )
    best = ranked[0].estimates["gap"].mean
    closer = [
        f"{row.title} ({format_percent(row.estimates['gap'].mean)})"
        for row in cell.ranked("default")
        if selection == "tuned" and row.estimates["gap"].mean < best
    ]
    sentences += [f"Defaults closer than every tuned row: {join_words(closer)}."] if closer else []
    return " ".join(sentences)


def _worse_than_defaults(cell: Cell) -> str:
    """Name tuned rows that are farther from Retrain than their own defaults, beyond the floor."""
    floor = cell.floor.mean["gap"] if cell.floor else 0.0
    defaults = {row.label: row.estimates["gap"].mean for row in cell.ranked("default")}
    worse = [
        f"{row.title} (by {format_percent(by)} points)"
        for row in cell.ranked("tuned")
        if (by := row.estimates["gap"].mean - defaults.get(row.label, math.inf)) > floor
    ]
    if not worse:
        return ""
    return f"Tuned rows that are farther than their own defaults: {join_words(worse)}."


def _by_robust_gap(cell: Cell, selection: str) -> str:
    """Name the row that is closest by the robust gap, with MIA AUC in place of MIA."""
    means = {
        row.title: fmean(values)
        for row in cell.ranked(selection)
        if (values := finite_values(row.scored, "robust_gap"))
    }
    if not means:
        return ""
    title = min(means, key=lambda name: means[name])
    also = ", too" if title == cell.ranked(selection)[0].title else ""
    return f"By the robust gap {title} is closest{also}: {format_percent(means[title])} points."


def _cost(cell: Cell, selection: str) -> str:
    """Say what the closest row costs, and what retraining costs."""
    best = cell.ranked(selection)[0]
    share = cost_share(best, cell.retrain)
    if not share:
        return ""
    cost, retraining = (
        format_seconds(row.estimates["rte_seconds"].mean) for row in (best, cell.retrain)
    )
    return (
        f"{best.title} takes {cost} s, {share} of the {retraining} s of retraining; tuning time is "
        "not included."
    )


def cost_share(row: Row, retrain: Row) -> str:
    """Print a row's run time as a share of retraining; empty where one of them is unknown."""
    cost, retraining = (each.estimates.get("rte_seconds") for each in (row, retrain))
    if cost is None or retraining is None or retraining.mean <= 0:
        return ""
    return f"{100 * cost.mean / retraining.mean:.3g} %"


def _significance(verdicts: Verdicts, selection: str) -> str:
    pairs = verdicts.pairs[selection]
    if not pairs:
        return ""
    most, needs = max(pairs, key=lambda pair: len(pair.differences)), pairs[0].needs
    if len(most.differences) < needs:
        rows = plural(len({pair.first.label for pair in pairs}) + 1, "row")
        return (
            f"Not significant: with {most.count} no pair of the {rows} can reach p < {LEVEL:g} "
            f"after correction; {needs} requests are needed."
        )
    closest = against_closest(pairs)
    tied, beaten = (
        [pair.second.title for pair in closest if pair.verdict == verdict]
        for verdict in ("no significant difference", "closer")
    )
    first = closest[0].first.title
    sentences = (
        [f"No significant difference between {first} and {join_words(tied)}."] if tied else []
    )
    sentences += [f"{first} is significantly closer than {join_words(beaten)}."] if beaten else []
    return " ".join(sentences)


def _backbones(planned: Sequence[Comparison]) -> list[str]:
    """Say it for the row without grid values, or for each grid value where there is no such row."""
    searched = {pair.first.method for pair in planned if pair.first.label == pair.first.method}
    return [
        backbone_words(pair)
        for pair in planned
        if pair.first.label == pair.first.method or pair.first.method not in searched
    ]


def backbone_words(pair: Comparison) -> str:
    """Say whether a method comes closer to Retrain than the one it builds on."""
    first, second = pair.first.title, pair.second.title
    points = format_percent(abs(pair.difference.mean))
    if pair.difference.mean == 0:
        return f"{first} is as far from Retrain as {second}, which it builds on ({pair.count})."
    side = "closer" if pair.difference.mean < 0 else "farther"
    certainty = {
        "too few requests": f"not significant: {pair.count}, {pair.needs} needed",
        "no significant difference": f"not significant: {pair.evidence}",
    }.get(pair.verdict, pair.evidence)
    return f"{first} is {points} points {side} than {second}, which it builds on ({certainty})."


def _original(cell: Cell, selection: str) -> str:
    gap = cell.original.estimates.get("gap")
    if gap is None:
        return ""
    worse = [row.title for row in cell.ranked(selection) if row.estimates["gap"].mean >= gap.mean]
    sentence = f"The original (no unlearning) has Avg. Gap {spread_text(gap)}"
    are = "are" if len(worse) > 1 else "is"
    return f"{sentence}; {join_words(worse)} {are} no closer." if worse else f"{sentence}."
