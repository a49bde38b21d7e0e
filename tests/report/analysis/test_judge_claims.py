"""Claims are confirmed, refuted or undecided."""

from dataclasses import replace

import numpy as np
import pytest

from mubench.metrics.info import METRICS
from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.judge_claims import judge_claims
from mubench.report.analysis.luck import tuning_luck
from mubench.report.build import build
from mubench.store.results_files import pack, unpack
from mubench.sweep.claims import parse_claim
from tests.support.evidence_world import with_closest_control
from tests.support.report_world import CELLS, finals, record, retrains, world


def claimed(text, requests):
    """The world's first cell with more requests; ga misses Retrain by 0.1, ugradsl by 0.05."""
    rows = ("ga", "ugradsl")
    records = [
        *retrains(CELLS[0], requests),
        *finals(CELLS[0], "ga", 0.1, "tuned", requests),
        *finals(CELLS[0], "ugradsl", 0.05, "tuned", requests),
        *finals(CELLS[0], "original", 0.3, "", requests),
    ]
    claim = parse_claim(text, rows, {CELLS[0]: ()}, METRICS)
    source = replace(world(), records=tuple(records), rows=rows, cells=CELLS[:1], claims=(claim,))
    return source, judge_claims(source.claims, aggregate(source))[0]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("ugradsl beats ga on ua", "confirmed"),
        ("ugradsl beats ga on ua by at least 0.05", "confirmed"),
        ("ugradsl beats ga on ua by at least 0.08", "refuted"),
        ("ga beats ugradsl on gap", "refuted"),
        ("ugradsl beats ga on gap by at least 49 %", "confirmed"),
        ("ugradsl beats ga on gap by at least 51 %", "refuted"),
        ("ugradsl exceeds ga on ua by at least 0.04", "confirmed"),
        ("ugradsl beats original on gap", "confirmed"),
        ("ugradsl beats ga on rte_seconds", "confirmed"),
    ],
)
def test_eight_requests_confirm_or_refute(text, verdict):
    """Distances are 0.05 and 0.1, times 1 + 0.1 k in request k: the advantage is 0.05 to 0.085."""
    assert claimed(text, 8)[1].verdict == verdict


def test_a_margin_inside_of_the_spread_is_undecided():
    assert claimed("ugradsl beats ga on ua by at least 0.0675", 8)[1].verdict == "undecided"


@pytest.mark.parametrize(
    ("text", "factor", "metric"),
    [
        ("ugradsl beats ga on gap", 1, "gap"),
        ("ugradsl exceeds ga on gap by at least 66 %", 1.66, "gap"),
        ("ugradsl beats ga on ua", 1, "ua"),
        ("ugradsl beats ga on rte_seconds", 1, "rte_seconds"),
    ],
)
def test_a_claim_allows_for_the_luck_of_both_searches(text, factor, metric):
    """Two candidates and the defaults each; those of GA lie twice as far apart."""
    source, without = claimed(text, 8)
    searched = [
        record(
            id=f"{row} {k}",
            kind="search",
            purpose="search",
            row=row,
            method=row,
            candidate=k,
            metrics={"objective": 0.5 - 0.1 * k, metric: apart * k},
        )
        for row, apart in (("ugradsl", 1.0), ("ga", 2.0))
        for k in range(3)
    ]
    (result,) = judge_claims(
        source.claims, aggregate(source.with_records([*source.records, *searched]))
    )
    one = tuning_luck(searched[:3], metric)
    luck = np.hypot(one, factor * 2 * one)
    assert luck > 0.5
    assert without.verdict != "undecided"
    assert result.verdict == "undecided"
    assert "luck in tuning" in result.cells[0].words
    assert "taken as given" not in result.cells[0].words


def test_a_metric_that_searches_lack_is_judged_as_tuned():
    source, without = claimed("ugradsl beats ga on ua", 8)
    searched = [
        record(id="s", kind="search", purpose="search", row="ga", metrics={"objective": 0.1})
    ]
    (result,) = judge_claims(
        source.claims, aggregate(source.with_records([*source.records, *searched]))
    )
    assert result.verdict == without.verdict == "confirmed"
    assert "searches did not record this metric" in result.cells[0].words


def test_three_requests_decide_nothing_and_the_words_say_why():
    _, found = claimed("ugradsl beats ga on ua by at least 0.01", 3)
    assert found.verdict == "undecided"
    assert found.cells[0].words == (
        "UGradSL is 5.50 points closer to Retrain in UA than GA; 95 % interval 5.00 points to "
        "6.00 points; claimed: at least 1.00 points (tuned, 3 requests, p = 0.250; 6 needed for "
        "p < 0.05)."
    )


def test_a_relative_claim_says_of_what():
    _, found = claimed("ugradsl exceeds ga on ua by at least 66 %", 8)
    assert found.verdict == "refuted"
    assert "6.75 points higher in UA than GA" in found.cells[0].words
    assert "claimed: at least 66 % of 14.50 points, 9.57 points" in found.cells[0].words


def test_one_refuted_cell_refutes_and_a_missing_row_leaves_undecided():
    source, _ = claimed("ugradsl beats ga on ua", 8)
    both = source.claims[0].model_copy(update={"cells": CELLS})
    empty = replace(source, cells=CELLS)
    found = judge_claims((both,), aggregate(empty))[0]
    assert [cell.verdict for cell in found.cells] == ["confirmed", "undecided"]
    assert found.cells[1].words == (
        "UGradSL and GA do not both have numbers, tuned or with defaults."
    )
    assert found.verdict == "undecided"
    swapped = both.model_copy(update={"first": "ga", "second": "ugradsl"})
    assert judge_claims((swapped,), aggregate(empty))[0].verdict == "refuted"


def test_claims_travel_with_the_records_into_every_format(tmp_path):
    source, _ = claimed("ugradsl beats ga on ua", 8)
    assert unpack(pack(source), "here").claims == source.claims
    build(source, tmp_path)
    assert "- **confirmed**: ugradsl beats ga on ua" in (tmp_path / "main.md").read_text()
    page = (tmp_path / "index.html").read_text()
    assert '<span class="badge confirmed">confirmed</span> <q>ugradsl beats ga on ua</q>' in page


def test_a_share_of_what_is_below_zero_means_nothing():
    source, _ = claimed("ugradsl exceeds ga on ua by at least 66 %", 8)
    below = [
        replace(r, metrics={**r.metrics, "ua": r.metrics["ua"] - 0.5}) if r.row == "ga" else r
        for r in source.records
    ]
    found = judge_claims(source.claims, aggregate(source.with_records(below)))[0]
    assert found.verdict == "undecided"
    assert "is undefined" in found.cells[0].words


def test_a_metric_or_a_cell_that_is_not_there_is_said():
    source, _ = claimed("ugradsl beats ga on ua", 8)
    odd = source.claims[0].model_copy(update={"metric": "gone"})
    assert "'gone' is unknown" in judge_claims((odd,), aggregate(source))[0].cells[0].words
    lost = source.claims[0].model_copy(update={"cells": ("a/b/c",)})
    assert "no such cell" in judge_claims((lost,), aggregate(source))[0].cells[0].words


def test_large_numbers_with_three_requests_stay_undecided():
    source, _ = claimed("ugradsl beats ga on flops by at least 10 %", 3)
    scale = {"ga": 1.3e13, "ugradsl": 1.1e11}
    counted = [
        replace(r, metrics={**r.metrics, "flops": scale[r.row] * (1 + 0.01 * r.seed_train)})
        if r.row in scale
        else r
        for r in source.records
    ]
    found = judge_claims(source.claims, aggregate(source.with_records(counted)))[0]
    assert found.verdict == "undecided"
    assert "p = 0.250; 6 needed" in found.cells[0].words


def test_no_control_decides_a_claim():
    """A sweep file cannot claim it, so this one is made by hand."""
    source, found = claimed("ugradsl beats ga on gap", 9)
    controlled = with_closest_control(source)
    assert judge_claims(controlled.claims, aggregate(controlled)) == (found,)
    about = source.claims[0].model_copy(update={"second": "sham"})
    [held] = judge_claims((about,), aggregate(controlled))
    assert held.verdict == "undecided"
    assert held.cells[0].words.startswith("UGradSL and Sham do not both have numbers")
