"""Forget sets of made-up splits."""

import torch
from hypothesis import settings
from hypothesis import strategies as st

from mubench.data.forget_sets import forget_rows
from mubench.data.scenario import Random
from mubench.data.split import AsIs, Source, Split

SEEDS = st.integers(0, 2**31)

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)


def forgotten(n: int, ratio: float, purpose: str, seed: int) -> set[int]:
    """Ids of D_f of n examples with ids 10, 11, ..."""
    ids = torch.arange(n) + 10
    rows = forget_rows(split_of(torch.arange(n) % 2, ids), Random(ratio), purpose, seed)
    assert torch.equal(rows, rows.unique()), "positions are ascending and distinct"
    return set(ids[rows].tolist())


def split_of(labels, ids, groups=None) -> Split:
    inputs = torch.arange(len(labels), dtype=torch.float32)[:, None]
    groups = None if groups is None else torch.tensor(groups)
    return Split.whole(Source(inputs, labels, ids, AsIs(), groups))
