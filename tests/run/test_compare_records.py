"""Two records of a step: what counts as equal."""

from dataclasses import replace

import pytest

from mubench.run.compare_records import Change, compare_records
from tests.support.found_records import LATE
from tests.support.report_world import record as made_up


@pytest.mark.parametrize(
    ("changes", "metric", "off", "mark"),
    [
        ({}, "ua", 0.0, "equal"),
        ({}, "ua", 1e-15, "different"),
        ({"commit": "f00"}, "ua", 1e-15, "different"),
        ({"device": "abacus"}, "ua", 1 / 120, "close"),
        ({"threads": 2}, "ua", -1 / 120, "close"),
        ({"versions": {"torch": "1"}}, "ua", 1.1 / 120, "different"),
        ({"device": "abacus"}, "kl_forget", 0.0009 * 0.25, "close"),
        ({"device": "abacus"}, "kl_forget", 0.0011 * 0.25, "different"),
        ({}, "rte_seconds", 100.0, "measured"),
        ({}, "peak_mib", 100.0, "measured"),
        ({}, "energy_joules", 100.0, "measured"),
    ],
)
def test_how_far_apart_is_equal(changes, metric, off, mark):
    then = made_up(metrics={metric: 0.25})
    compared = compare_records(then, made_up(metrics={metric: 0.25 + off}, **changes))
    assert [value.mark for value in compared.values] == [mark]
    assert compared.is_equal == (mark != "different")


def test_a_metric_that_is_gone_is_different_and_one_that_came_later_is_not():
    compared = compare_records(made_up(metrics={"ua": 0.5}), made_up(metrics={"tow": 0.5}))
    assert [(value.name, value.mark) for value in compared.values] == [
        ("tow", "new"),
        ("ua", "different"),
    ]
    assert not compared.is_equal


def test_the_environment_lists_what_differs_and_nothing_else():
    now = made_up(threads=2, versions={"torch": "2.13", "numpy": "2"}, commit="fff")
    assert compare_records(made_up(), now).changes == (
        Change("threads", "1", "2"),
        Change("commit", "0123abc", "fff"),
        Change("numpy", "", "2"),
        Change("python", "3.11", ""),
    )
    assert compare_records(made_up(), made_up(created=LATE, seconds=9.0)).changes == ()


def test_a_metric_that_score_added_is_shown_and_no_difference():
    now = made_up(metrics={"ua": 0.5})
    found = compare_records(replace(now, metrics={"ua": 0.5, "rmia_auc": 0.4}), now)
    assert found.is_equal
    assert found.names("later") == ("rmia_auc",)
    assert not compare_records(replace(now, metrics={"ua": 0.5, "ra": 0.4}), now).is_equal
