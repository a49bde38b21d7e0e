"""Keys and values of a sweep file that fit no field are one line."""

import pytest

from tests.support.refused_sweeps import assert_refused

BAD_SWEEPS = {
    "unknown key": (
        {"serach": {"trials": 3}},
        "serach: unknown key; did you mean 'search'?",
    ),
    "unknown nested key": (
        {"search__trails": 3},
        "search.trails: unknown key; did you mean 'trials'?",
    ),
    "no grid": ({"grid": ...}, "grid: missing"),
    "no name": ({"name": ...}, "name: missing"),
    "name that is no folder": (
        {"name": "a/b"},
        "name: string should match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]*$'; got 'a/b'",
    ),
    "trials that are a word": (
        {"search__trials": "many"},
        "search.trials: a whole number is needed; got 'many'",
    ),
    "trials that are a fraction": (
        {"search__trials": 2.5},
        "search.trials: a whole number is needed; got 2.5",
    ),
    "trials that are yes": (
        {"search__trials": True},
        "search.trials: a whole number is needed; got true",
    ),
    "no trials": ({"search__trials": 0}, "search.trials: must be at least 1; got 0"),
    "unknown sampler": (
        {"search__sampler": "grid"},
        "search.sampler: 'tpe' or 'random' is needed; got 'grid'",
    ),
    "search that is a list": ({"search": [8]}, "search: a mapping is needed; got [8]"),
    "no time": ({"limits": {"search": 0}}, "limits.search: must be above 0.0; got 0"),
    "no processor": (
        {"resources": {"search": {"cpu": 0}}},
        "resources.search.cpu: must be above 0.0; got 0",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)
