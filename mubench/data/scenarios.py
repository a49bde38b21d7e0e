"""Forget requests: which examples of D_tr must be forgotten."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mubench.data.partition import Ints, hash_ids, hash_order
from mubench.data.split import Split
from mubench.errors import InputError
from mubench.scenario import SEARCH_POOL, Purpose, check_scenario, forget_count


def forget_rows(
    labels: Tensor, ids: Tensor, scenario: Mapping[str, Any], purpose: Purpose, seed: int
) -> Tensor:
    """Ascending positions (m,) int64 of D_f within D_tr, on the CPU.

    `random`: with the ids hashed once into a search pool (20 %) and a final pool (80 %), a final
    set is a prefix of shuffle(final pool) then shuffle(search pool), a search set a prefix of the
    reverse order. So the sets of one seed are nested across ratios, and search and final sets are
    disjoint whatever their seeds, unless `mubench.scenario.search_overlap` says otherwise.
    `class`: all examples of the named classes; purpose and seed do not matter.

    Args:
        labels: (n,) int64 of D_tr.
        ids: (n,) int64, stable.
        scenario: see `mubench.scenario`.
        purpose: who asks.
        seed: the forget seed.

    Raises:
        InputError: an impossible scenario, a class without examples, or nothing left to retain.
    """
    check_scenario(scenario, int(labels.max()) + 1)
    if len(ids) < 2:
        raise InputError(f"scenario: {len(ids)} training example cannot be forgotten and retained")
    if scenario["scenario"] == "random":
        count = forget_count(scenario["ratio"], len(ids))
        rows = forget_order(ids.cpu().numpy(), purpose, seed)[:count]
        return torch.from_numpy(np.sort(rows))
    return _class_rows(labels.cpu(), scenario["classes"])


def forget_order(ids: Ints, purpose: Purpose, seed: int) -> Ints:
    """All positions (n,) in the order in which a growing ratio forgets them."""
    pooled = hash_order(ids, "forget pools")
    size = max(1, round(SEARCH_POOL * len(ids)))
    order = np.concatenate([_shuffle(ids, pooled[size:], seed), _shuffle(ids, pooled[:size], seed)])
    return order if purpose == "final" else order[::-1].copy()


def _shuffle(ids: Ints, rows: Ints, seed: int) -> Ints:
    return rows[hash_order(ids[rows], "forget order", seed)]


def _class_rows(labels: Tensor, classes: list[int]) -> Tensor:
    for label in classes:
        if not bool((labels == label).any()):
            raise InputError(f"scenario class: no training example of class {label}")
    chosen = torch.isin(labels, torch.tensor(classes))
    if bool(chosen.all()):
        raise InputError(f"scenario class: nothing is left to retain without classes {classes}")
    return chosen.nonzero().flatten()


def divide(
    train: Split, scenario: Mapping[str, Any], purpose: Purpose, seed: int
) -> tuple[Split, Split]:
    """D_f and D_r: disjoint, and D_tr together. Raises as `forget_rows` does."""
    rows = forget_rows(train.labels, train.ids, scenario, purpose, seed)
    kept = torch.ones(len(train), dtype=torch.bool)
    kept[rows] = False
    return train.subset(rows), train.subset(kept.nonzero().flatten())


def forget_hash(ids: Tensor) -> str:
    """sha256 over the sorted ids (m,) of D_f, whatever their order."""
    return hash_ids(ids.cpu().numpy())
