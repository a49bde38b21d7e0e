"""Seeds and requests that may not be together are refused."""

import pytest

from tests.support.refused_sweeps import assert_refused

BAD_SWEEPS = {
    "forget seed searched and reported": (
        {"seeds__search__forget": [1]},
        "seeds.search.forget and final.forget share 1; what is tuned on may not be reported",
    ),
    "train seed searched and reported": (
        {"seeds__search__train": [0]},
        "seeds.search.train and final.train share 0; what is tuned on may not be reported",
    ),
    "more train seeds than forget seeds": (
        {"seeds__final__train": [0, 1, 2]},
        "seeds.final: zip needs as many train seeds as forget items, got 3 and 2 (random-0.1); "
        "or say 'pair: product'",
    ),
    "a control among the methods": (
        {"methods": {"ga": {}, "sham": {}}},
        "methods: 'sham' is a control, which no ranking may have; name it in 'controls'",
    ),
    "a claim about a control": (
        {"controls": ["sham"], "claims": ["ga beats sham on ua"]},
        "claims: 'ga beats sham on ua': no row 'sham'; ",
    ),
    "no seed": (
        {"seeds__final__forget": []},
        "seeds.final.forget: at least one value is needed; got []",
    ),
    "one pair of seeds twice": (
        {"seeds__final": {"train": [0, 0], "forget": [1, 1]}},
        "seeds.final: the same forget seed and train seed are paired twice (random-0.1)",
    ),
    "a target that nobody knows": (
        {
            "search": {"objective": "retrain_free"},
            "grid__dataset": ["cifar20"],
            "grid__forget": [
                {"scenario": "group", "search_groups": ["baby"], "final_groups": ["sea"]}
            ],
        },
        "search.objective: retrain_free cannot aim in group",
    ),
    "seed below 0": (
        {"seeds__final__train": [0, -1]},
        "seeds.final.train[1]: must be at least 0; got -1",
    ),
    "seed that no column holds": (
        {"seeds__final__train": [0, 2**63]},
        f"seeds.final.train[1]: must be below {2**63}; got {2**63}",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)
