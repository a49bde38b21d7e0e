"""Importances of hyperparameters."""

from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.importance import importances
from mubench.report.analysis.tuning import studies
from mubench.store.results import SweepResults
from tests.support.report_world import CELLS, record


def search(count, objective):
    """A study of `count` candidates whose params are lr, epochs and a label."""
    made = [
        record(
            id=f"s{k}",
            kind="search",
            purpose="search",
            method="ft",
            row="ft",
            candidate=k,
            trials=count,
            params={"lr": 10.0 ** -(k % 7), "epochs": 1 + (3 * k) % 5, "label": "ab"[k % 2]},
            metrics={},
        )
        for k in range(count)
    ]
    made = [replace(one, metrics={"objective": objective(one.params)}) for one in made]
    source = SweepResults("toy", "", tuple(made), CELLS[:1], ("ft",), {}, "")
    return studies(aggregate(source)[0])


def test_the_hyperparameter_that_decides_has_most_of_the_importance():
    found = importances(search(35, lambda params: params["lr"]))["ft"]
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=found.get) == "lr"
    assert found["lr"] > 0.5


def test_a_few_candidates_have_no_importance():
    assert importances(search(9, lambda params: params["lr"])) == {}


def test_candidates_that_all_came_to_the_same_have_no_importance():
    assert importances(search(12, lambda params: 1.0)) == {}
