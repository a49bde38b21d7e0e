"""Forget requests: which examples of D_tr must be forgotten."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mubench.data.scenario import (
    SEARCH_POOL,
    Classes,
    Corrupted,
    Groups,
    GroupShare,
    Ids,
    Purpose,
    Random,
    Scenario,
    check_scenario,
    discovered_count,
    forget_count,
)
from mubench.data.sources.partition import Ints, hash_ids, hash_order
from mubench.data.split import Split
from mubench.errors import InputError


def forget_rows(train: Split, scenario: Scenario, purpose: Purpose, seed: int) -> Tensor:
    """Ascending positions (m,) int64 of D_f within D_tr, on the CPU.

    `Random`: with the ids hashed once into a search pool (20 %) and a final pool (80 %), a final
    set is a prefix of shuffle(final pool) then shuffle(search pool), a search set a prefix of the
    reverse order. So the sets of one seed are nested across ratios, and search and final sets are
    disjoint whatever their seeds, unless `mubench.data.scenario.search_overlap` says otherwise.
    If stratified, pools and shuffles alternate between the classes: a prefix has every class in its
    share, to within an example or two. `GroupShare` draws whole groups in the same way. Examples of
    one of D_tr's `units` are drawn together, as one: the set may then be larger by a few.
    `Corrupted` draws single examples in the same way, out of those with a wrong label.

    The other scenarios take the examples that they name; purpose and seed have no effect.

    Raises:
        InputError: what is named has no example in D_tr, or nothing is left to retain.
    """
    if len(train) < 2:
        raise InputError(
            f"scenario: {len(train)} training example cannot be forgotten and retained"
        )
    labels, ids = _array(train.labels), _array(train.ids)
    groups = None if train.groups is None else _array(train.groups)
    check_scenario(scenario, int(labels.max()) + 1, 0 if groups is None else int(groups.max()) + 1)
    chosen: Ints
    match scenario:
        case Random(ratio, stratified):
            units = None if train.units is None else _array(train.units)
            chosen = _drawn(ids, units, ratio, purpose, seed, labels if stratified else None)
        case Classes(classes):
            chosen = _members(labels, classes, "class")
        case Groups(named):
            chosen = _members(_require_groups(groups), named, "group")
        case GroupShare(ratio):
            distinct = np.unique(_require_groups(groups))
            order = forget_order(distinct, purpose, seed)
            chosen = _members(
                _require_groups(groups),
                distinct[order[: forget_count(ratio, len(distinct))]],
                "group",
            )
        case Ids(wanted):
            chosen = _of_ids(ids, wanted)
        case Corrupted(discovered):
            wrong = _corrupted(train)
            order = forget_order(ids[wrong], purpose, seed)
            chosen = wrong[order[: discovered_count(discovered, len(wrong))]]
    if len(chosen) == len(ids):
        raise InputError("scenario: all of D_tr is named; nothing is left to retain")
    return torch.from_numpy(np.sort(chosen))


def _drawn(
    ids: Ints, units: Ints | None, ratio: float, purpose: Purpose, seed: int, labels: Ints | None
) -> Ints:
    """A share of the examples; of units, whole ones, until there are as many, or a few more."""
    count = forget_count(ratio, len(ids))
    if units is None:
        return forget_order(ids, purpose, seed, labels)[:count]
    _, first, of_unit, sizes = np.unique(
        units, return_index=True, return_inverse=True, return_counts=True
    )
    order = forget_order(ids[first], purpose, seed, None if labels is None else labels[first])
    enough = int(np.searchsorted(np.cumsum(sizes[order]), count)) + 1
    return np.flatnonzero(np.isin(of_unit, order[:enough]))


def forget_order(ids: Ints, purpose: Purpose, seed: int, labels: Ints | None = None) -> Ints:
    """All positions (n,) in the order in which a growing ratio forgets them.

    With `labels` (n,) every prefix of a pool holds the classes in their shares.
    """
    pooled = _spread(hash_order(ids, "forget pools"), labels)
    size = max(1, round(SEARCH_POOL * len(ids)))
    pools = (pooled[size:], pooled[:size])
    order = np.concatenate([_spread(_shuffle(ids, pool, seed), labels) for pool in pools])
    if purpose == "final":
        return order
    # Of the search pool first; reversed, so that what comes last in a final set comes first here.
    return order[::-1].copy()


def _shuffle(ids: Ints, rows: Ints, seed: int) -> Ints:
    return rows[hash_order(ids[rows], "forget order", seed)]


def _spread(order: Ints, labels: Ints | None) -> Ints:
    """The same positions with the classes in turn: the k-th of m of a class at (k + 1/2) / m."""
    if labels is None:
        return order
    place = np.empty(len(order))
    for label in np.unique(labels[order]):
        of_class = np.flatnonzero(labels[order] == label)
        place[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return order[np.argsort(place, kind="stable")]


def _members(values: Ints, wanted: tuple[int, ...] | Ints, what: str) -> Ints:
    for number in wanted:
        if not (values == number).any():
            raise InputError(f"scenario {what}: no training example of {what} {number}")
    return np.flatnonzero(np.isin(values, list(wanted)))


def _require_groups(groups: Ints | None) -> Ints:
    if groups is None:
        raise InputError("scenario group: the data set has no groups")
    return groups


def _of_ids(ids: Ints, wanted: tuple[int, ...]) -> Ints:
    order = np.argsort(ids)
    places = np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)
    rows: Ints = order[places]
    strange = np.flatnonzero(ids[rows] != np.asarray(wanted))
    if len(strange):
        raise InputError(
            f"scenario index: example {wanted[strange[0]]} is not in D_tr: held out, left out by "
            f"an option, or not there ({len(strange)} of {len(wanted)} such)"
        )
    return rows


def _corrupted(train: Split) -> Ints:
    """Positions of the examples whose labels were made wrong."""
    true = train.true_labels
    wrong = np.flatnonzero([] if true is None else _array(true != train.labels))
    if not len(wrong):
        raise InputError(
            "scenario corrupted: no label of D_tr was made wrong; set flip_labels or trigger"
        )
    return wrong


def _array(values: Tensor) -> Ints:
    array: Ints = values.cpu().numpy()
    return array


def split_forget_retain(
    train: Split, scenario: Scenario, purpose: Purpose, seed: int
) -> tuple[Split, Split]:
    """D_f and D_r: disjoint, and D_tr together. Raises as `forget_rows` does."""
    rows = forget_rows(train, scenario, purpose, seed)
    kept = torch.ones(len(train), dtype=torch.bool)
    kept[rows] = False
    return train.subset(rows), train.subset(kept.nonzero().flatten())


def forget_parts(
    train: Split, forget: Split, count: int, *names: str | int
) -> list[tuple[Split, Split]]:
    """D_f in `count` parts, in order; beside each what is left of D_tr after it.

    Earlier parts are in neither; later ones are still retained. Which examples come when is drawn
    by the names, and sizes differ by at most one.

    Raises:
        InputError: D_f has fewer examples than parts.
    """
    if len(forget) < count:
        raise InputError(f"parts: {len(forget)} example(s) to forget cannot be {count} parts")
    ids, forgotten = _array(train.ids), _array(forget.ids)
    ordered = forgotten[hash_order(forgotten, "forget parts", *names)]
    left = np.ones(len(ids), dtype=bool)
    pairs = []
    for part in np.array_split(ordered, count):
        rows = np.isin(ids, part)
        left &= ~rows
        pairs.append((_where(train, rows), _where(train, left)))
    return pairs


def _where(split: Split, mask: NDArray[np.bool_]) -> Split:
    return split.subset(torch.from_numpy(np.flatnonzero(mask)))


def forget_hash(ids: Tensor) -> str:
    """sha256 over the sorted ids (m,) of D_f, whatever their order."""
    return hash_ids(ids.cpu().numpy())
