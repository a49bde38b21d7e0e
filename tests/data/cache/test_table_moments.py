"""Moments of columns against numpy's, however the rows come."""

import numpy as np
import pytest

from mubench.catalogue.features import Feature
from mubench.data.cache.table_moments import TableMoments
from mubench.errors import DataError, is_one_line

FEATURES = (
    Feature(name="a"),
    Feature(name="b", has_missing=True),
    Feature(name="c", kind="categorical", values=("x", "y")),
)


def of(rows, *cuts, features=FEATURES):
    moments = TableMoments(features)
    for piece in np.split(rows, cuts):
        moments.update(piece)
    return moments.result()


def rows_far_from_zero():
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(1e9, 0.5, 50), rng.normal(5, 2, 50), rng.integers(0, 2, 50)], 1)
    rows[::3, 1] = np.nan
    return rows


@pytest.mark.parametrize("cuts", [(), (1,), (7, 7, 30), (0, 49)])
def test_moments_are_numpys_of_what_is_not_missing(cuts):
    rows = rows_far_from_zero()
    mean, std = of(rows, *cuts)
    assert mean == pytest.approx([rows[:, 0].mean(), np.nanmean(rows[:, 1]), 0], rel=1e-14)
    assert std == pytest.approx([rows[:, 0].std(), np.nanstd(rows[:, 1]), 1], rel=1e-7)


def test_a_piece_without_a_value_changes_nothing():
    rows = rows_far_from_zero()
    gap = np.full((3, 3), np.nan)
    assert of(np.concatenate([gap, rows, gap]), 3, 53)[0] == pytest.approx(of(rows)[0], rel=1e-14)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([2.0, 2.0, np.nan], "the same number everywhere in D_tr; leave it out"),
        ([1e300, -1e300, 0.0], "its numbers are too large to be standardised"),
        ([1.7e308, 1.7e308, 0.0], "its numbers are too large to be standardised"),
    ],
)
def test_columns_without_a_spread_are_named(values, reason):
    with pytest.raises(DataError) as caught:
        of(np.array(values)[:, None], features=FEATURES[:1])
    assert str(caught.value).startswith(f"column a: {reason}")
    assert is_one_line(str(caught.value))
