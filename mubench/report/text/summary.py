"""A cell in plain words: who is closest to Retrain, how sure we are, and what to doubt."""

from collections import Counter
from collections.abc import Sequence

from mubench.report.analysis.aggregate import SELECTIONS, Cell, Estimate, Row
from mubench.report.analysis.comparisons import Comparison, Verdicts, against_closest
from mubench.report.format import STATUS_WORDS, listed, p_text, plural, points, row_title, seconds


def headline(cell: Cell) -> str:
    """Say in one or two sentences what the cell shows, or why it shows nothing."""
    if cell.is_empty:
        return "No step of this cell has finished."
    selection = _leading(cell)
    if selection is None:
        return _nothing_ranked(cell)
    best = cell.ranked(selection)[0]
    gap = best.estimates["gap"]
    said = f"Closest to Retrain: {row_title(best.label)} ({selection}), Avg. Gap {spread_text(gap)}"
    return f"{said} points over {plural(gap.n, 'request')}. {floor_words(cell)}"


def remarks(cell: Cell, verdicts: Verdicts) -> tuple[str, ...]:
    """Say what else a reader must know of the cell: cost, verdicts, then doing nothing."""
    selection = _leading(cell)
    if selection is None:
        return ()
    told = [] if is_blind(cell) else [_told_apart(verdicts, selection)]
    told += [] if is_blind(cell) else _backbones(verdicts.planned[selection])
    said = [
        _cost(cell, selection),
        _left_out(cell, selection),
        _as_another_retrain(cell, selection),
    ]
    said += [*told, _do_nothing(cell, selection)]
    return tuple(sentence for sentence in said if sentence)


def warnings(cell: Cell) -> tuple[str, ...]:
    """Say what makes the cell's numbers doubtful or unable to tell methods apart."""
    said = []
    if is_blind(cell) and cell.floor and cell.forget_signal is not None:
        signal, high = points(cell.forget_signal), points(cell.floor.percentile_95["ua"])
        said.append(
            f"Original and Retrain differ by {signal} points of UA, no more than two Retrains "
            f"differ ({high} at the 95th percentile): there is nothing to forget here, and nothing "
            "can be told apart."
        )
    if not cell.is_empty and not cell.retrain.scored:
        has_gaps = any("gap" in row.estimates for row in cell.methods)
        said.append(
            "Retrain's own records are missing: gaps were taken when it was there, and cannot be "
            "checked here."
            if has_gaps
            else "No Retrain has finished: there is nothing to measure a gap to."
        )
    if not cell.is_empty and not cell.original.scored:
        said.append("The original was not scored: what doing nothing costs is unknown.")
    return (*said, *_repetitions(cell))


def _repetitions(cell: Cell) -> tuple[str, ...]:
    """Say where numbers rest on a single request, or on a single training."""
    records = [record for row in cell.methods for record in row.scored]
    requests = {record.request for record in records}
    if len(requests) == 1:
        return ("One request alone: nothing here says how far another one would lie from it.",)
    if requests and len({record.seed_train for record in records}) == 1:
        seed = records[0].seed_train
        return (
            f"All requests start from one original (train seed {seed}): what another training "
            "would change is unknown.",
        )
    return ()


def floor_words(cell: Cell) -> str:
    """Say how far two Retrains of one request lie apart."""
    if cell.floor is None:
        return "Noise floor unknown: no request was retrained twice."
    mean, high = cell.floor.mean["gap"], cell.floor.percentile_95["gap"]
    return (
        f"Noise floor: two Retrains of one request differ by {points(mean)} points "
        f"(95th percentile {points(high)}, {plural(cell.floor.pairs, 'pair')})."
    )


def spread_text(value: Estimate) -> str:
    """Print mean ± standard deviation in percent."""
    spread = "" if value.spread is None else f" ± {points(value.spread)}"
    return points(value.mean) + spread


def is_blind(cell: Cell) -> bool:
    """Return whether doing nothing is, on D_f, as close to Retrain as another Retrain."""
    signal, floor = cell.forget_signal, cell.floor
    return signal is not None and floor is not None and signal <= floor.percentile_95["ua"]


def _leading(cell: Cell) -> str | None:
    return next((selection for selection in SELECTIONS if cell.ranked(selection)), None)


def _nothing_ranked(cell: Cell) -> str:
    finals = [record for row in cell.methods for record in row.records]
    if not finals:
        return "No method has a final step yet."
    if any(row.scored for row in cell.methods):
        return "No method has all of its final steps yet: nothing is ranked."
    counts = Counter(record.status for record in finals)
    words = [f"{counts[status]} {word}" for status, word in STATUS_WORDS.items() if counts[status]]
    return f"No final step gave a number: {listed(words)}."


def _as_another_retrain(cell: Cell, selection: str) -> str:
    if cell.floor is None:
        return ""
    high = cell.floor.percentile_95["gap"]
    near = [_name(row) for row in cell.ranked(selection) if row.estimates["gap"].mean <= high]
    said = f"As close as another Retrain, within the floor's 95th percentile: {listed(near)}."
    return said if near else ""


def _left_out(cell: Cell, selection: str) -> str:
    """Name rows that the ranking leaves out, and a default that is closer than what leads."""
    ranked = cell.ranked(selection)
    missing = [
        f"{_name(row)} ({len(row.scored)} of {row.expected})"
        for row in cell.methods
        if row.selection == selection and row not in ranked
    ]
    said = [f"Not ranked, for numbers are missing: {listed(missing)}."] if missing else []
    best = ranked[0].estimates["gap"].mean
    closer = [
        f"{_name(row)} ({points(row.estimates['gap'].mean)})"
        for row in cell.ranked("default")
        if selection == "tuned" and row.estimates["gap"].mean < best
    ]
    said += [f"Closer than any tuned row are the defaults of {listed(closer)}."] if closer else []
    return " ".join(said)


def _cost(cell: Cell, selection: str) -> str:
    """Say what the closest row costs beside retraining."""
    best = cell.ranked(selection)[0]
    mine, whole = (row.estimates.get("rte_seconds") for row in (best, cell.retrain))
    if mine is None or whole is None or whole.mean <= 0:
        return ""
    share = f"{100 * mine.mean / whole.mean:.3g} %"
    said = f"{_name(best)} takes {seconds(mine.mean)} s, {share} of the {seconds(whole.mean)} s"
    return f"{said} of retraining; tuning it is not in this."


def _told_apart(verdicts: Verdicts, selection: str) -> str:
    pairs = verdicts.pairs[selection]
    if not pairs:
        return ""
    most, needs = max(pairs, key=lambda pair: len(pair.differences)), pairs[0].needs
    if len(most.differences) < needs:
        rows = plural(len({pair.first.label for pair in pairs}) + 1, "row")
        return (
            f"Undecided which rows differ: {most.count} cannot tell any two of {rows} apart, "
            f"however clear the numbers; {needs} requests could."
        )
    closest = against_closest(pairs)
    tied, beaten = (
        [row_title(pair.second.label) for pair in closest if pair.verdict == verdict]
        for verdict in ("cannot be told apart", "closer")
    )
    said = [f"It cannot be told apart from {listed(tied)}."] if tied else []
    said += [f"It is closer than {listed(beaten)} (corrected for all pairs)."] if beaten else []
    return " ".join(said)


def _backbones(planned: Sequence[Comparison]) -> list[str]:
    """Say it of the row that searched its smoothing rate, or of each grid value without one."""
    searched = {pair.first.method for pair in planned if pair.first.label == pair.first.method}
    return [
        backbone_words(pair)
        for pair in planned
        if pair.first.label == pair.first.method or pair.first.method not in searched
    ]


def backbone_words(pair: Comparison) -> str:
    """Say whether a method comes closer to Retrain than the one it builds on."""
    first, second = row_title(pair.first.label), row_title(pair.second.label)
    by = points(abs(pair.difference.mean))
    if pair.difference.mean == 0:
        return f"{first} is as far from Retrain as {second}, which it builds on ({pair.count})."
    side = "closer" if pair.difference.mean < 0 else "farther"
    certainty = {
        "undecided": f"undecided, {pair.count}; {pair.needs} are needed",
        "cannot be told apart": f"cannot be told apart, {p_text(pair.p_value)}, {pair.count}",
    }.get(pair.verdict, f"{p_text(pair.p_value)}, {pair.count}")
    return f"{first} is {by} points {side} than {second}, which it builds on ({certainty})."


def _do_nothing(cell: Cell, selection: str) -> str:
    gap = cell.original.estimates.get("gap")
    if gap is None:
        return ""
    worse = [_name(row) for row in cell.ranked(selection) if row.estimates["gap"].mean >= gap.mean]
    said = f"Doing nothing (the original) has Avg. Gap {spread_text(gap)}"
    return (
        f"{said}; {listed(worse)} {'do' if len(worse) > 1 else 'does'} no better."
        if worse
        else said + "."
    )


def _name(row: Row) -> str:
    return row_title(row.label)
