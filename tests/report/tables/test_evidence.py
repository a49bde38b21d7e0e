"""Which row survives what, and all tests, of a made-up cell whose distances are known."""

from dataclasses import replace
from fractions import Fraction

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.evidence import evidence_tables
from tests.support.evidence_world import evidence_cell, evidence_source
from tests.support.report_world import world


@pytest.fixture(scope="module")
def tables():
    """The survival table and the table of all tests."""
    return evidence_tables(evidence_cell())


def fields_of(table, metric):
    """By row: the other fields of its test under a metric."""
    return {row[1]: row[2:] for row in table.rows if row[0] == metric}


def test_each_row_survives_what_another_retrain_could_be(tables):
    survival, _ = tables
    assert survival.headings == ("Row", "Main table", "Relearn")
    everything = "unlike Retrain: UA, MIA, RA and TA"
    few = "unlike Retrain: Relearnt from a few"
    assert survival.rows == (
        ("FT", "like Retrain", few),
        ("GA", everything, few),
        ("Sham", everything, few),
    )
    assert survival.is_open
    assert survival.words == set(survival.headings)


def test_each_test_has_its_excess_interval_and_p(tables):
    """FT: nine excesses of -1.5 and 1.5 points, five below 0; all others lie on one side."""
    _, tests = tables
    assert not tests.is_open
    assert [row[0] for row in tests.rows[::3]] == ["UA", "MIA", "RA", "TA", "Relearnt from a few"]
    least = Fraction(2, 2**9)
    few = fields_of(tests, "Relearnt from a few")
    alike = ("+28.50", "+28.50 to +28.50", f"{float(least):.3f}", f"{float(2 * least):.3f}")
    assert few["FT"] == few["GA"] == (*alike, "unlike Retrain")
    assert few["Sham"] == (
        *("+48.50", "+48.50 to +48.50", f"{float(least):.3f}", f"{float(least):.3f}"),
        "unlike Retrain",
    ), "controls are corrected among themselves"
    ua = fields_of(tests, "UA")
    assert ua["FT"][0] == "−0.17"
    assert ua["FT"][2:] == ("1.000", "1.000", "like Retrain"), "an odd number of equal steps"
    assert ua["GA"][0] == "+12.50"  # 10 (1 + 0.4) - 1.5
    assert len(tests.descriptions) == len(tests.rows)


def test_a_metric_under_which_the_original_is_like_retrain_finds_damage_and_proves_nothing(tables):
    _, tests = tables
    standings = {row: fields[-1] for row, fields in fields_of(tests, "RA").items()}
    assert standings["FT"] == "no power"
    assert standings["GA"] == "unlike Retrain"


def test_too_few_requests_are_said():
    survival, _ = evidence_tables(evidence_cell(6))
    row = dict(zip(survival.headings, survival.rows[0], strict=True))
    assert row == {"Row": "FT", "Main table": "too few requests", "Relearn": "too few requests"}
    assert survival.rows[2][2] == "unlike Retrain: Relearnt from a few", "one control: six do"


def test_a_block_that_a_row_lacks_is_a_dash():
    source = evidence_source()
    bare = [
        replace(r, metrics={k: v for k, v in r.metrics.items() if k != "relearn_few"})
        if r.row == "ga"
        else r
        for r in source.records
    ]
    survival, tests = evidence_tables(aggregate(source.with_records(bare))[0])
    assert survival.rows[1] == ("GA", "unlike Retrain: UA, MIA, RA and TA", "—")
    assert fields_of(tests, "Relearnt from a few").keys() == {"FT", "Sham"}


def test_without_evidence_beside_the_table_there_is_none():
    assert evidence_tables(aggregate(world(9))[0]) == ()
    source = evidence_source()
    alone = source.with_records(r for r in source.records if not r.replica)
    assert evidence_tables(aggregate(alone)[0]) == (), "no other Retrain"
    nobody = source.with_records(r for r in source.records if r.row in ("", "original", "sham"))
    assert evidence_tables(aggregate(nobody)[0]) == (), "no row is ranked"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_left_out(value):
    """An infinite sum would beat every pattern of signs and look significant."""
    source = evidence_source()
    spoiled = [
        replace(r, metrics={**r.metrics, "relearn_few": value})
        if r.row == "ft" and r.request.endswith("/8")
        else r
        for r in source.records
    ]
    _, tests = evidence_tables(aggregate(source.with_records(spoiled))[0])
    assert fields_of(tests, "Relearnt from a few")["FT"][0] == "+28.50"
    assert fields_of(tests, "Relearnt from a few")["FT"][2] == f"{2 / 2**8:.3f}"
