"""How large a sweep is: its cells, steps and what they wait for, counted before there are any."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from math import ceil

from mubench.catalogue import cards
from mubench.data.scenario import Purpose
from mubench.errors import InputError
from mubench.sweep.grid import ForgetSpec, GridSpec, ModelSpec
from mubench.sweep.rows import Row
from mubench.sweep.spec import SeedAxis, SweepSpec

MOST_CELLS = 1000
"""Each is a table of the report."""
MOST_STEPS = 250_000
"""A plan holds each of them in memory; a step takes a second at least, and these three days."""
MOST_NEEDS = 20_000_000
"""Pairs of a step and one that it waits for: each is a place in memory."""


def check_size(spec: SweepSpec) -> None:
    """Refuse a sweep that is too large to be planned.

    Raises:
        InputError: the message begins with a key path.
    """
    cells = _cells(spec.grid)
    if cells > MOST_CELLS:
        raise InputError(
            f"grid: {cells:,} cells, at most {MOST_CELLS:,}; divide it into several sweeps"
        )
    steps = _steps(spec)
    if steps > MOST_STEPS:
        raise InputError(
            f"search: with {spec.search.trials:,} trials, a floor of {spec.floor} and these seeds, "
            f"rows and cells there are up to {steps:,} steps, and at most {MOST_STEPS:,} are "
            "planned; reduce one of them, or divide the sweep"
        )
    needs = _needs(spec)
    if needs > MOST_NEEDS:
        raise InputError(
            f"search: {needs:,} times a step waits for another, at most {MOST_NEEDS:,}: a lag of "
            f"{lag_of(spec):,} with {spec.search.trials:,} trials; take fewer trials, or a lag of "
            "as many, or fewer search requests"
        )


def lag_of(spec: SweepSpec) -> int:
    """Candidates of each search that run at a time, so that all searches keep workers busy."""
    if spec.search.lag is not None:
        return spec.search.lag
    kinds = Counter((model.name, forget.asks) for _, model, forget in spec.grid.cells)
    models = {model.name: model for model in spec.grid.model}
    searched = [row for row in spec.rows if row.space.free_dimensions]
    studies = spec.search.repeats * sum(
        count * (refusal_of(row, models[name], asks) is None)
        for (name, asks), count in kinds.items()
        for row in searched
    )
    return min(spec.search.trials, ceil(spec.search.parallel / max(1, studies)))


def refusal_of(row: Row, model: ModelSpec, asks: tuple[str, ...]) -> str | None:
    """Why a method cannot do what a cell asks (`ForgetSpec.asks`), if so."""
    card = cards.method(row.method)
    return card.refusal(*asks, model.card.modality, model.card.family)


def requests_of(spec: SweepSpec, forget: ForgetSpec, purpose: Purpose) -> int:
    """How many requests of a purpose each cell with this scenario has."""
    axis: SeedAxis = getattr(spec.seeds, purpose)
    items = len(axis.forget if forget.is_drawn else getattr(forget, purpose))
    return items * len(axis.train) if axis.pair == "product" else max(items, len(axis.train))


def _datasets(grid: GridSpec, forget: ForgetSpec) -> int:
    names: Iterable[str] = [data.name for data in grid.dataset]
    return sum(name in forget.dataset for name in names) if forget.dataset else len(grid.dataset)


def _cells(grid: GridSpec) -> int:
    return len(grid.model) * sum(_datasets(grid, forget) for forget in grid.forget)


def _searched(spec: SweepSpec) -> int:
    return sum(bool(row.space.free_dimensions) for row in spec.rows)


def _steps(spec: SweepSpec) -> int:
    """All steps, as if no two cells shared one and no method refused."""
    rows, searched, total = len(spec.rows), _searched(spec), 0
    for forget in spec.grid.forget:
        final, search = (requests_of(spec, forget, purpose) for purpose in ("final", "search"))
        of_each = 3 + len(spec.controls)  # original, its training, Retrain
        finals = final * (of_each + spec.floor + rows + searched)
        studies = searched * spec.search.repeats * sum(spec.search.places(search))
        references = 2 * search if searched else 0
        total += (
            len(spec.grid.model) * _datasets(spec.grid, forget) * (finals + studies + references)
        )
    return total


def _needs(spec: SweepSpec) -> int:
    """Pairs of a candidate, tuned step or control and a step that it waits for."""
    searched, total = _searched(spec), 0
    first = _waits(spec.search.trials, lag_of(spec))
    for forget in spec.grid.forget:
        final, search = (requests_of(spec, forget, purpose) for purpose in ("final", "search"))
        places = spec.search.places(search)
        each = first + sum(before * after for before, after in pairwise(places))
        of_cell = searched * (spec.search.repeats * each + final * places[-1])
        of_cell += final * len(spec.controls) * len(spec.rows)
        total += len(spec.grid.model) * _datasets(spec.grid, forget) * of_cell
    return total


def _waits(trials: int, lag: int) -> int:
    """Sum over candidates k of the min(lag, k - lag + 1) that each waits for.

    >>> _waits(5, 2), _waits(5, 5)
    (5, 0)
    """
    late = max(0, trials - lag)  # candidates that wait for any
    rising = min(late, lag)
    return rising * (rising + 1) // 2 + (late - rising) * lag
