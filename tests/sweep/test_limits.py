"""Numbers that are a slip of the pen are refused, and no number of a sweep is infinite or NaN."""

import math
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from mubench.sweep.grid import ForgetSpec
from mubench.sweep.published import Values
from mubench.sweep.spec import Limits, Resources, SweepSpec
from tests.support.refused_sweeps import assert_refused

LONG = {
    "label": "a" * 40,
    "learning_rate": [0.01234567890123456],
    "momentum": [0.01234567890123456],
    "weight_decay": [0.01234567890123456],
    "clip_norm": [0.01234567890123456],
    "optimizer": ["adamw"],
    "bn_mode": ["train"],
    "augment": [True],
}
SLIPS = {
    "trials": ({"search__trials": 10**9}, "search.trials: must be at most 100000; got 1000000000"),
    "lag": ({"search__lag": 10**9}, "search.lag: must be at most 100000"),
    "repeats": ({"search__repeats": 10**9}, "search.repeats: must be at most 1000"),
    "floor": ({"floor": 10**9}, "floor: must be at most 100; got 1000000000"),
    "time without end": ({"limits": {"train": math.inf}}, "limits.train: must be at most 2592000"),
    "time of months": ({"limits": {"final": 1e7}}, "limits.final: must be at most 2592000"),
    "time that is none": ({"limits": {"final": math.nan}}, "limits.final: must be at most 2592000"),
    "processors": ({"resources": {"train": {"cpu": 1e9}}}, "resources.train.cpu: must be at most "),
    "checkpoint": ({"checkpoint": "999999h"}, "checkpoint: at most 30 days are allowed; got '9999"),
    "epochs": ({"training": {"epochs": 10**18}}, "training.epochs: at most 100,000 in size"),
    "learning rate": (
        {"training": {"learning_rate": math.inf}},
        "training.learning_rate: 0 or more is needed; got inf",
    ),
    "weight decay": (
        {"training": {"weight_decay": 1e13}},
        "training.weight_decay: at most 1,000,0",
    ),
    "epochs of a method": (
        {"methods__ft": {"epochs": {"int": [1, 10**9]}}},
        "methods.ft.epochs: at most 100,000 in size is allowed; got 1000000000",
    ),
    "any number": (
        {"methods__ugradsl": {"alpha": -1e300}},
        "methods.ugradsl.alpha: at most 1,000,000,000,000 in size is allowed; got -1e+300",
    ),
    "end of a range": (
        {"methods__ugradsl": {"alpha": {"negate": {"log": [1, 1e300]}}}},
        "methods.ugradsl.alpha.negate.log: at most 1,000,000,000,000 in size is allowed",
    ),
    "options": (
        {"methods__ft": {"batch_size": {"choice": [*range(1, 1002)]}}},
        "methods.ft.batch_size.choice: at most 1,000 options; got 1,001",
    ),
    "rows": (
        {"methods__ft": {"batch_size": [*range(1, 41)], "epochs": [*range(40)]}},
        "methods.ft: a grid of 40 x 40 points: at most 1,000 rows",
    ),
    "rows of many variants": (
        {"methods__ft": [{"label": f"a{k}", "epochs": k} for k in range(1001)]},
        "methods.ft: at most 1,000 rows; shorten a list, or divide the sweep",
    ),
    "name of a row": (
        {"methods__ft": LONG},
        "methods.ft: the name of a row has 209 characters, at most 200; give fewer lists at once",
    ),
    "share of nothing": (
        {"grid__forget": [{"scenario": "random", "ratio": 1e-300}]},
        "grid.forget.ratio: 1e-300 of 1,295 examples of 'digits' is none; 0.0008 or more is needed",
    ),
    "share of what is kept": (
        {
            "grid__dataset": [{"name": "digits", "train_size": 100}],
            "grid__forget": [{"scenario": "random", "ratio": 0.004}],
        },
        "grid.forget.ratio: 0.004 of 100 examples of 'digits' is none; 0.01 or more is needed",
    ),
    "description": ({"description": "x" * 10_001}, "description: at most 10,000 characters are"),
    "claims": ({"claims": ["x"] * 1001}, "claims: at most 1,000 values are allowed; got ["),
    "claim": ({"claims": ["x" * 1001]}, "claims[0]: at most 1,000 characters are allowed"),
    "seeds": (
        {"seeds__final__train": [*range(10_001)]},
        "seeds.final.train: at most 10,000 values",
    ),
}


@pytest.mark.parametrize("case", list(SLIPS))
def test_a_slip_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = SLIPS[case]
    assert_refused(sweep, changes, expected, tmp_path)


def parts(annotation: Any) -> Iterator[Any]:
    """A type and all that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def numbers_of(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """Every field that may be a float, of a model and of those below it."""
    for name, field in model.model_fields.items():
        for part in parts(field.annotation):
            if part is float:
                yield model, name
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from numbers_of(part)


NUMBERS = sorted(set(numbers_of(SweepSpec)), key=str)


def test_every_number_of_a_sweep_is_found():
    assert {(Limits, "train"), (Resources, "cpu"), (ForgetSpec, "ratio"), (Values, "ua")} <= {
        *NUMBERS
    }


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(("model", "name"), NUMBERS)
def test_no_number_of_a_sweep_is_infinite(model, name, value):
    with pytest.raises(ValidationError) as caught:
        model.model_validate({name: value})
    assert (name,) in [error["loc"] for error in caught.value.errors()]
