"""How large a sweep is, counted beforehand, is how large its plan becomes; too large is refused."""

import pytest

from mubench.sweep import load, planner, size
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import FinalStep, SearchStep
from tests.support.refused_sweeps import assert_refused
from tests.support.small_sweep import SWEEP, changed

PRODUCT = {"pair": "product"}
SEEDS = {
    "search": {"train": [100, 101], "forget": [100, 101]},
    "final": {"train": [0, 1], "forget": [2, 3, 4], **PRODUCT},
}
ONE_CELL = {"grid__forget": [{"scenario": "random", "ratio": 0.1}], "seeds": SEEDS}
SIZES = {
    "one cell": ONE_CELL,
    "two repeats": {**ONE_CELL, "search": {"trials": 9, "repeats": 2, "lag": 2}},
    "a lag of all": {**ONE_CELL, "search": {"trials": 9, "lag": 20}},
    "no floor": {**ONE_CELL, "floor": 0, "search": {"trials": 11, "parallel": 9}},
    "no search": {**ONE_CELL, "methods": {"ft": {"epochs": 1}}},
    "two cells": {"search": {"trials": 5}},
}


@pytest.mark.parametrize("case", list(SIZES))
def test_a_plan_has_at_most_the_steps_that_were_counted(case):
    spec = load.parse(changed(SWEEP, **SIZES[case]), "x")
    steps = make_plan(spec).steps
    assert 0.7 * size._steps(spec) < len(steps) <= size._steps(spec)


@pytest.mark.parametrize("case", list(SIZES))
def test_steps_wait_as_often_as_was_counted(case):
    spec = load.parse(changed(SWEEP, **SIZES[case]), "x")
    steps = make_plan(spec).steps
    waits = sum(
        steps[need].kind == "search"
        for step in steps.values()
        if isinstance(step, SearchStep | FinalStep)
        for need in step.needs
    )
    assert waits == size._needs(spec)


TOO_LARGE = {
    "trials": (
        {"search": {"trials": 90_000}, "methods": {"ft": {}, "ga": {}, "ugradsl": {}}},
        "search: with 90,000 trials, a floor of 1 and these seeds, rows and cells there are up to ",
    ),
    "a product of seeds": (
        {"seeds__final": {"train": [*range(99)], "forget": [*range(200, 600)], **PRODUCT}},
        "steps, and at most 250,000 are planned; reduce one of them, or divide the sweep",
    ),
    "what waits for a lag": (
        {**ONE_CELL, "search": {"trials": 20_000, "lag": 7000}, "methods": {"ft": {}}},
        "at most 20,000,000: a lag of 7,000 with 20,000 trials; take fewer trials, or a lag of as",
    ),
    "what waits for a round": (
        {**ONE_CELL, "search": {"trials": 20_000, "lag": 20_000}, "methods": {"ft": {}}},
        "search: 120,036,000 times a step waits for another",
    ),
    "cells": (
        {"grid__forget": [{"scenario": "random", "ratio": [k / 2000 for k in range(1, 1002)]}]},
        "grid: 1,001 cells, at most 1,000; divide it into several sweeps",
    ),
}


@pytest.mark.parametrize("case", list(TOO_LARGE))
def test_too_large_is_one_line_before_anything_is_planned(case, sweep, tmp_path, monkeypatch):
    changes, expected = TOO_LARGE[case]
    monkeypatch.setattr(planner, "_Planner", None)
    assert_refused(sweep, changes, expected, tmp_path)


def test_ninety_thousand_trials_are_no_slip():
    methods = {"ft": {}, "ga": {}, "ugradsl": {}}
    one_request = {"search": {"train": [100], "forget": [100]}}
    search = {"trials": 30_000, "sampler": "random", "lag": 90_000}
    node = changed(SWEEP, methods=methods, search=search, seeds=one_request)
    node["grid"]["forget"] = [{"scenario": "random", "ratio": 0.1}]
    assert size._steps(load.parse(node, "x")) > 90_000
