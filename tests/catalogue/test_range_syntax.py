"""Ranges as YAML writes them: what is wrong is told with its place."""

import math

import pytest

from mubench.catalogue.range_syntax import parse_range
from mubench.errors import InputError
from tests.support.refused_sweeps import assert_refused

BAD = [
    ([1, 2], "x: a list is a grid axis and stands in sweep files only"),
    ({}, "x: a range has one key, one of log, uniform, int, choice, negate, complement, either; "),
    ({"log": [1, 2], "int": [1, 2]}, "x: a range has one key, one of log, "),
    ({"lgo": [1, 2]}, "x: unknown range 'lgo'; did you mean 'log'?"),
    ({3: [1, 2]}, "x: unknown range '3'; known: choice, "),
    ({"log": [1]}, "x.log: two finite numbers, the smaller first, are needed; got [1]"),
    ({"log": 1}, "x.log: two finite numbers, the smaller first, are needed; got 1"),
    ({"log": [2, 1]}, "x.log: two finite numbers, the smaller first, are needed; got [2, 1]"),
    ({"log": [1, 1]}, "x.log: two finite numbers, the smaller first, are needed; got [1, 1]"),
    ({"log": [0, 1]}, "x.log: both ends must be above 0; got [0, 1]"),
    ({"log": [-2, -1]}, "x.log: both ends must be above 0; got [-2, -1]"),
    ({"uniform": [0, math.inf]}, "x.uniform: two finite numbers, the smaller first, are needed; "),
    ({"uniform": [math.nan, 1]}, "x.uniform: two finite numbers, the smaller first, are needed; "),
    ({"uniform": [False, True]}, "x.uniform: two finite numbers, the smaller first, are needed; "),
    (
        {"log": ["1e-5", "1e-2"]},
        "x.log: two finite numbers, the smaller first, are needed; got ['1e-5', '1e-2']",
    ),
    ({"int": [1.5, 3]}, "x.int: whole numbers are needed; got [1.5, 3]"),
    ({"choice": []}, "x.choice: a list of at least one value is needed; got []"),
    ({"choice": "a"}, "x.choice: a list of at least one value is needed; got a"),
    ({"choice": [[1]]}, "x.choice[0]: a plain, finite value is needed; got [1]"),
    ({"choice": [1, {"log": [1, 2]}]}, "x.choice[1]: a plain, finite value is needed; got "),
    ({"negate": "a"}, "x.negate: a range of numbers is needed; got a"),
    ({"negate": {"choice": [1, "a"]}}, "x.negate: a range of numbers is needed; got "),
    ({"complement": {"either": [0, "a"]}}, "x.complement: a range of numbers is needed; got "),
    ({"negate": {"complement": None}}, "x.negate.complement: a range of numbers is needed; "),
    ({"either": [{"lgo": 1}]}, "x.either[0]: unknown range 'lgo'; did you mean 'log'?"),
    ({"negate": {"log": [0, 1]}}, "x.negate.log: both ends must be above 0; got [0, 1]"),
]


@pytest.mark.parametrize(("node", "expected"), BAD, ids=lambda v: repr(v)[:40])
def test_a_malformed_range_is_one_line_that_begins_with_its_place(node, expected):
    with pytest.raises(InputError) as caught:
        parse_range(node, "x")
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


BAD_SWEEPS = {
    "empty axis of a method": (
        {"methods__ugradsl": {"alpha": []}},
        "methods.ugradsl.alpha: an empty grid axis; name at least one value",
    ),
    "axis of ranges": (
        {"methods__ugradsl": {"alpha": [{"log": [1, 2]}]}},
        "methods.ugradsl.alpha[0]: a plain, finite value is needed; got {'log': [1, 2]}",
    ),
    "infinite value": (
        {"methods__ft": {"learning_rate": float("inf")}},
        "methods.ft.learning_rate: a plain, finite value is needed; got inf",
    ),
    "malformed range": (
        {"methods__ft": {"learning_rate": {"log": [1, 0.1]}}},
        "methods.ft.learning_rate.log: two finite numbers, the smaller first, are needed; "
        "got [1, 0.1]",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)
