"""Cells as numbers, names and stored values."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from mubench.data.own.cells import are_gaps, are_numbers, cells_of, names_of, numbers_of
from mubench.errors import DataError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("+5", 5),
        ("-5.", -5),
        (".5", 0.5),
        ("1e3", 1000),
        ("2.5E-1", 0.25),
        ("inf", np.inf),
        ("-Infinity", -np.inf),
        ("0x1F", None),
        ("1_000", None),
        ("1,5", None),
        ("5 kg", None),
        ("--5", None),
        ("٣", None),
        ("1e", None),
        ("nan", None),
        ("", None),
    ],
)
def test_which_texts_are_numbers(text, number):
    cells = pa.array([text])
    assert are_numbers(cells).tolist() == [number is not None]
    [found] = numbers_of(cells).tolist()
    assert np.isnan(found) if number is None else found == number


def test_what_stands_for_no_number():
    texts = pa.array(["", None, "?", "NA", "nan", "null", "0", "no", "n"])
    assert are_gaps(texts).tolist() == [True] * 6 + [False] * 3


def test_numbers_have_one_zero_and_one_gap():
    odd = np.frombuffer(np.array([0x7FF8000000000001], np.uint64).tobytes(), np.float64)
    numbers = numbers_of(pa.array([-0.0, None, float(odd[0])]))
    assert numbers.tobytes() == np.array([0.0, np.nan, np.nan]).tobytes()


def test_whole_numbers_of_any_type_have_one_name():
    cells = cells_of(pa.array([1.0, 2.5, None, 1e20]), "x")
    assert names_of(cells).to_pylist() == ["1", "2.5", None, "1e+20"]
    assert names_of(cells_of(pa.array([1, 2]), "x")).to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        (pa.array([True, None]), ["true", None]),
        (pa.array([" a ", " ", ""]), ["a", None, None]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([float("nan"), 1.5]), [None, 1.5]),
        (pa.array([Decimal("1.5")]), [1.5]),
        (pa.array([2**63], pa.uint64()), [2.0**63]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_columns_of_many_types(values, cells):
    assert cells_of(values, "x").to_pylist() == cells


def test_other_types_are_named():
    with pytest.raises(DataError, match="file: column x: values of type date32"):
        cells_of(pa.array([0], pa.date32()), "file: column x")
