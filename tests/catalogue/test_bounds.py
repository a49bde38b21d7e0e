"""Values outside of the bounds that all methods share are refused."""

import pytest

from tests.support.refused_sweeps import assert_refused

BAD_SWEEPS = {
    "number of epochs below 0": (
        {"methods__ft": {"epochs": -1}},
        "methods.ft.epochs: 0 or more is needed; got -1",
    ),
    "shared batches of nothing": (
        {"shared": {"batch_size": 0}},
        "methods.ft.batch_size: 1 or more is needed; got 0",
    ),
    "range that begins below 0": (
        {"methods__ft": {"learning_rate": {"uniform": [-0.1, 0.1]}}},
        "methods.ft.learning_rate: 0 or more is needed; got -0.1",
    ),
    "momentum that never settles": (
        {"methods__ft": {"momentum": {"uniform": [0, 2]}}},
        "methods.ft.momentum: a momentum below 1 is needed; got 2",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)
