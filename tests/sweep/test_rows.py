"""The rows of a sweep: variants, labels, shared values, and what is wrong with them."""

import pytest

from mubench.sweep import load as load_of_spec
from tests.support.refused_sweeps import assert_refused
from tests.support.small_sweep import changed

BAD_SWEEPS = {
    "unknown method": (
        {"methods": {"ugradls": {}}},
        "methods.ugradls: unknown method 'ugradls'; did you mean 'ugradsl'?",
    ),
    "method named by a path": (
        {"methods": {"../quickstart": {}}},
        "methods.../quickstart: unknown method '../quickstart'; known: ",
    ),
    "unknown hyperparameter": (
        {"methods__ugradsl": {"alhpa": -0.2}},
        "methods.ugradsl.alhpa: unknown key; did you mean 'alpha'?",
    ),
    "hyperparameter that is a number": (
        {"methods__ft": {1: 2}},
        "methods.ft.1: unknown key; known: augment, batch_size,",
    ),
    "unknown shared hyperparameter": (
        {"shared": {"batchsize": 32}},
        "shared.batchsize: no method has it; did you mean 'batch_size'?",
    ),
    "no methods": ({"methods": {}}, "methods: at least one value is needed; got {}"),
    "methods as a list": ({"methods": ["ft"]}, "methods: a mapping is needed; got ['ft']"),
    "method that is a number": (
        {"methods__ft": 0},
        "methods.ft: a mapping of hyperparameters is needed; got 0",
    ),
    "method with no variant": (
        {"methods__ft": []},
        "methods.ft: empty list; write {} for the defaults",
    ),
    "two equal rows": (
        {"methods__ft": [{}, {"epochs": 2}]},
        "methods: two rows have the name 'ft'; give one a 'label', or vary a list",
    ),
    "one row twice": (
        {"methods__ft": [{}, {"label": "again"}]},
        "methods: rows 'ft' and 'ft[again]' are identical",
    ),
    "label that would break a row's name": (
        {"methods__ft": {"label": "a]b"}},
        "methods.ft.label: a letter, then at most 39 letters, digits, spaces, +, ., _ or -; "
        "got 'a]b'",
    ),
    "word for a number": (
        {"methods__ft": {"epochs": "five"}},
        "methods.ft.epochs: a whole number is needed; got 'five'",
    ),
    "misspelt word that all descents share": (
        {"methods__ft": {"optimizer": "adma"}},
        "methods.ft.optimizer: unknown value 'adma'; did you mean 'adamw'?",
    ),
    "misspelt word of one method": (
        {"methods__iu": {"solver": "lisa"}},
        "methods.iu.solver: unknown value 'lisa'; did you mean 'lissa'?",
    ),
    "word that is no choice": (
        {"methods__rl": {"schedule": ["mixed", "sequential", "both"]}},
        "methods.rl.schedule: unknown value 'both'; known: mixed, sequential",
    ),
    "fraction for a whole number": (
        {"methods__ft": {"epochs": 2.5}},
        "methods.ft.epochs: a whole number is needed; got 2.5",
    ),
    "range of fractions for a whole number": (
        {"methods__ft": {"epochs": {"uniform": [1, 10]}}},
        "methods.ft.epochs: a whole number is needed; got 1.0",
    ),
    "number for a word": (
        {"methods__ft": {"optimizer": 3}},
        "methods.ft.optimizer: a string is needed; got 3",
    ),
    "number for true or false": (
        {"methods__ft": {"augment": 1}},
        "methods.ft.augment: true or false is needed; got 1",
    ),
    "word that only alpha may be": (
        {"methods__ugradsl": {"learning_rate": "adaptive"}},
        "methods.ugradsl.learning_rate: a number is needed; got 'adaptive'",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)


def test_shared_values_reach_the_methods_that_have_them_and_yield_to_their_own(sweep):
    methods = {"ft": {"batch_size": 16}, "ga": {}, "iu": {}}
    rows = load_of_spec.parse(changed(sweep, methods=methods, shared={"batch_size": 32}), "x").rows
    assert [row.given for row in rows] == [{"batch_size": 16}, {"batch_size": 32}, {}]


def test_a_label_tells_variants_of_a_method_apart(sweep):
    variants = [{}, {"label": "short", "epochs": 1}, {"label": "rate", "learning_rate": [0.1, 0.2]}]
    rows = load_of_spec.parse(changed(sweep, methods={"ft": variants}), "x").rows
    assert [row.label for row in rows] == [
        "ft",
        "ft[short]",
        "ft[rate,learning_rate=0.1]",
        "ft[rate,learning_rate=0.2]",
    ]
    assert dict(rows[1].given) == {"epochs": 1}


def test_each_value_of_a_grid_axis_is_a_row(sweep):
    rows = load_of_spec.parse(sweep, "x").rows
    assert [row.label for row in rows] == ["ft", "ga", "ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]"]
    assert rows[2].space.defaults["alpha"] == -0.2
