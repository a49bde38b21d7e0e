"""What the keys of a sweep file must be together: names that exist, seeds that are not shared."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

from mubench.catalogue.validation import in_order
from mubench.data.options import check_options, corrupted_share
from mubench.data.scenario import Purpose, check_scenario, named_members
from mubench.errors import InputError, did_you_mean
from mubench.sweep.grid import DatasetSpec, ForgetSpec, GridSpec, ModelSpec
from mubench.sweep.kinds import CONTROLS
from mubench.sweep.pretrained import check_origins
from mubench.sweep.rows import Row
from mubench.sweep.size import check_size
from mubench.sweep.spec import SeedAxis, SweepSpec
from mubench.sweep.workload import train_size


def check(spec: SweepSpec) -> None:
    """Refuse what a single key cannot show: wrong names, classes, recipes, modalities.

    Raises:
        InputError: one line that begins with a key path.
    """
    rows = spec.rows
    _check_axes(spec.grid)
    check_size(spec)
    for data in spec.grid.dataset:
        check_options(data.card.card, data.options, f"grid.dataset.{data.name}")
    for chosen in spec.grid.model:
        model = chosen.card
        check_origins(model)
        for data in spec.grid.dataset:
            if data.card.modality != model.modality:
                raise InputError(
                    f"grid.model: '{chosen.name}' takes {model.modality}s, '{data.name}' has none"
                )
    for data, chosen, forget in spec.grid.cells:
        _check_size(data, chosen)
        _check_objective(spec, forget)
        spec.recipe(data.name, chosen.name)
        _check_ratio(forget, data)
        _check_scenarios(forget, data)
    _check_pairs(spec)
    if spec.published is not None:
        spec.published.check(list(spec.cell_words), [row.label for row in rows])
    _check_rows(rows)
    _ = spec.resolved_claims  # reads them
    if spec.diagnostics.label_ldp and not any("alpha" in row.space.defaults for row in rows):
        raise InputError("diagnostics.label_ldp: none of these methods has a smoothing rate alpha")


def _check_rows(rows: Sequence[Row]) -> None:
    if not rows:
        raise InputError("methods: no method is named")
    for row in rows:
        if row.method in CONTROLS:
            raise InputError(
                f"methods: '{row.method}' is a control, which no ranking may have; name it in "
                "'controls'"
            )


def _check_size(data: DatasetSpec, chosen: ModelSpec) -> None:
    smallest, shape = chosen.card.smallest, data.card.card.get("input_shape", ())
    if min(shape[1:], default=smallest) < smallest:
        raise InputError(
            f"grid.model: '{chosen.name}' needs images of at least {smallest}x{smallest}, "
            f"'{data.name}' has {shape[1]}x{shape[2]}; take a model for smaller images"
        )


def _check_objective(spec: SweepSpec, forget: ForgetSpec) -> None:
    """Without Retrain nobody knows how a model answers that never saw a group."""
    if spec.search.objective == "retrain_free" and forget.scenario == "group":
        raise InputError(
            f"search.objective: retrain_free cannot aim in {forget.label}: held-out examples of a "
            "group say nothing about a model that never saw it; take another objective"
        )


def _check_ratio(forget: ForgetSpec, data: DatasetSpec) -> None:
    """Refuse a share of D_tr, or of its groups, that is not even one of them."""
    what, among = "examples", train_size(data) or _MOST_EXAMPLES
    if forget.scenario == "group":
        what, among = "groups", len(data.card.groups)
    if forget.ratio is not None and among and round(forget.ratio * among) < 1:
        raise InputError(
            f"grid.forget.ratio: {forget.ratio:g} of {among:,} {what} of '{data.name}' is none; "
            f"{1 / among:.1g} or more is needed"
        )


_MOST_EXAMPLES = 1_000_000_000
"""Of a data set whose card says no size."""


_PLURAL = {"class": "classes", "group": "groups", "index": "file"}


def _check_scenarios(forget: ForgetSpec, data: DatasetSpec) -> None:
    """Refuse what the data set cannot be asked, and what is both tuned on and reported."""
    card = data.card
    searched, final = (forget.scenarios(purpose, card) for purpose in ("search", "final"))
    for scenario in (*searched, *final):
        check_scenario(scenario, len(card.classes), len(card.groups))
    if forget.scenario == "corrupted" and not corrupted_share({**card.options, **data.options}):
        raise InputError(
            f"grid.forget: no label of '{data.name}' is made wrong, which {forget.label} forgets; "
            f"write {{name: {data.name}, flip_labels: 0.1}}, or a trigger"
        )
    shared = {n for s in searched for n in named_members(s)} & {
        n for s in final for n in named_members(s)
    }
    if shared:
        raise InputError(
            f"grid.forget: search and final {_PLURAL[forget.scenario]} of '{data.name}' share "
            f"{in_order(shared)}; what is tuned on may not be reported"
        )


def _check_axes(grid: GridSpec) -> None:
    """Two cells of one name would be one block of the results table."""
    names = {data.name for data in grid.dataset}
    for forget in grid.forget:
        for name in forget.dataset:
            if name not in names:
                hint = did_you_mean(name, names)
                raise InputError(f"grid.forget.dataset: '{name}' is not in grid.dataset; {hint}")
    axes: dict[str, list[tuple[str, ...]]] = {
        "dataset": [(data.label,) for data in grid.dataset],
        "model": [(model.label,) for model in grid.model],
        "forget": [(f.label, name) for f in grid.forget for name in f.dataset or names],
    }
    for axis, labels in axes.items():
        for label, count in Counter(labels).items():
            if count > 1:
                raise InputError(f"grid.{axis}: '{label[0]}' is listed twice; remove one")
    used = {name for forget in grid.forget for name in forget.dataset or names}
    for data in grid.dataset:
        if data.name not in used:
            raise InputError(f"grid.dataset: no scenario of grid.forget is for '{data.name}'")


def _check_pairs(spec: SweepSpec) -> None:
    for purpose in ("search", "final"):
        axis: SeedAxis = getattr(spec.seeds, purpose)
        for forget in spec.grid.forget:
            items = axis.forget if forget.is_drawn else getattr(forget, purpose)
            if axis.pair == "zip" and len(items) != len(axis.train):
                raise InputError(
                    f"seeds.{purpose}: zip needs as many train seeds as forget items, got "
                    f"{len(axis.train)} and {len(items)} ({forget.label}); or say 'pair: product'"
                )
    for data, _, forget in spec.grid.cells:
        _check_twice(spec.seeds.search, forget, "search", data)
        _check_twice(spec.seeds.final, forget, "final", data)


def _check_twice(axis: SeedAxis, forget: ForgetSpec, purpose: Purpose, data: DatasetSpec) -> None:
    """Refuse two requests that are one: a class may be named in two ways."""
    drawn: tuple[Any, ...] = axis.forget
    items = drawn if forget.is_drawn else tuple(forget.scenarios(purpose, data.card))
    combine = product if axis.pair == "product" else zip
    pairs = list(combine(items, axis.train))
    if len(set(pairs)) < len(pairs):
        what = "forget seed" if forget.is_drawn else _PLURAL[forget.scenario]
        raise InputError(
            f"seeds.{purpose}: the same {what} and train seed are paired twice ({forget.label})"
        )
