"""Inputs of a model against a loop over cells."""

import numpy as np
import torch

from mubench.catalogue.features import Feature
from mubench.data.table_transform import TableTransform

FEATURES = (
    Feature(name="job", kind="categorical", values=("clerk", "nurse"), has_missing=True),
    Feature(name="age"),
    Feature(name="sex", kind="categorical", values=("f", "m")),
    Feature(name="hours", has_missing=True),
)
MEAN, STD = (0.0, 40.0, 0.0, 30.0), (1.0, 10.0, 1.0, 4.0)
NAN = float("nan")


def made(*rows):
    transform = TableTransform.of(FEATURES, MEAN, STD, "cpu")
    return transform(torch.tensor(rows, dtype=torch.float64), None)


def test_numbers_are_standardised_and_categories_are_one_hot():
    found = made((1, 50, 0, 32), (0, 35, 1, 30))
    assert found.dtype == torch.float32
    assert found.tolist() == [
        [0, 1, 0, 1.0, 1, 0, 0.5, 0],
        [1, 0, 0, -0.5, 0, 1, 0.0, 0],
    ]


def test_missing_values_are_the_mean_with_an_indicator_where_d_tr_has_some():
    assert made((NAN, NAN, NAN, NAN)).tolist() == [[0, 0, 1, 0, 0, 0, 0, 1]]


def test_a_category_unknown_to_d_tr_is_none_of_its_categories():
    assert made((-1, 40, -1, 30)).tolist() == [[0] * 8]


def test_stored_values_stay_as_they_are():
    stored = torch.tensor([[1, NAN, 0, 32.0]], dtype=torch.float64)
    before = stored.clone()
    TableTransform.of(FEATURES, MEAN, STD, "cpu")(stored, ())
    assert torch.equal(stored.nan_to_num(7), before.nan_to_num(7))


def test_a_large_number_keeps_its_digits_until_it_is_standardised():
    table = TableTransform.of((Feature(name="a"),), (1e9,), (0.5,), "cpu")
    rows = torch.tensor([[1e9 + 0.25], [1e9 - 0.5]], dtype=torch.float64)
    assert np.allclose(table(rows, None), [[0.5], [-1.0]])


def test_a_wide_row_counts_as_the_inputs_that_it_becomes():
    transform = TableTransform.of(FEATURES, MEAN, STD, "cpu")
    assert transform.numbers(4) == 2 * transform.width == 16
    assert transform.numbers(99) == 99
