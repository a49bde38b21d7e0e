from dataclasses import replace

import pytest
from conftest import changed
from report_world import CELLS, finals, retrains, world

from mubench.errors import InputError
from mubench.metrics.info import METRICS
from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.judge_claims import judge_claims
from mubench.report.build import build
from mubench.store.results_files import pack, unpack
from mubench.sweep import load
from mubench.sweep.claims import parse
from mubench.sweep.planner import make_plan

ROWS = ("ga", "ugradsl", "ugradsl[alpha=-0.2]")
WHERE = {
    "digits/small_cnn/random-0.1": ("digits", "small_cnn", "random-0.1", "random"),
    "digits/small_cnn/class": ("digits", "small_cnn", "class", "class"),
}


def read(text):
    return parse(text, ROWS, WHERE, METRICS)


def test_the_sentence_of_the_issue_is_read():
    claim = read("ugradsl beats ga on ua in random/0.1 by at least 0.1")
    assert (claim.first, claim.verb, claim.second, claim.metric) == (
        *("ugradsl", "beats", "ga", "ua"),
    )
    assert (claim.amount, claim.is_relative, claim.cells) == (
        *(0.1, False, ("digits/small_cnn/random-0.1",)),
    )


@pytest.mark.parametrize(
    ("end", "amount", "is_relative"),
    [
        ("", 0.0, False),
        (" by at least 66 %", 0.66, True),
        (" by at least 66%", 0.66, True),
        (" by at least 10 points", 0.1, False),
        (" by at least .5", 0.5, False),
    ],
)
def test_amounts_are_in_the_metrics_unit_in_points_or_shares(end, amount, is_relative):
    claim = read(f"ugradsl exceeds ga on ua{end}")
    assert (claim.amount, claim.is_relative) == (pytest.approx(amount), is_relative)
    assert claim.cells == tuple(WHERE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ugradsl is nice", "cannot be read; write ROW beats|exceeds ROW on METRIC"),
        ("ugradsl loves ga on ua", "cannot be read"),
        ("ugradls beats ga on ua", "no row 'ugradls'; did you mean 'ugradsl'?"),
        ("ugradsl beats ugradsl on ua", "compares 'ugradsl' with itself"),
        ("ugradsl beats ga on uaa", "no metric 'uaa'; did you mean 'ua'?"),
        ("ugradsl beats ga on gap_paired", "no metric 'gap_paired'; known: "),
        ("ugradsl beats ga on ua in randon-0.1", "no cell 'randon-0.1'; did you mean 'random-0.1'"),
        ("ugradsl beats ga on weight_change", "has no good direction; say 'exceeds'"),
        ("ugradsl beats ga on kl_forget by at least 3 points", "is no percentage"),
    ],
)
def test_a_claim_that_cannot_be_read_is_one_line(text, words):
    with pytest.raises(InputError) as caught:
        read(text)
    assert str(caught.value).startswith("claims: '")
    assert words in str(caught.value)


def test_a_sweep_checks_its_claims_and_they_change_no_id(sweep):
    good = changed(sweep, claims=["ugradsl[alpha=-0.2] beats ga on gap in class"])
    plan = make_plan(load.parse(good, "x"))
    assert plan.claims[0].cells == ("digits[flip_labels=0.2]/small_cnn/class",)
    assert plan.steps == make_plan(load.parse(sweep, "x")).steps
    with pytest.raises(InputError, match=r"^x: claims: 'ft beats gaa on ua': no row 'gaa'"):
        load.parse(changed(sweep, claims=["ft beats gaa on ua"]), "x")


def claimed(text, requests):
    """The world's first cell with more requests; ga misses Retrain by 0.1, ugradsl by 0.05."""
    rows = ("ga", "ugradsl")
    records = [
        *retrains(CELLS[0], requests),
        *finals(CELLS[0], "ga", 0.1, "tuned", requests),
        *finals(CELLS[0], "ugradsl", 0.05, "tuned", requests),
        *finals(CELLS[0], "original", 0.3, "", requests),
    ]
    claim = parse(text, rows, {CELLS[0]: ()}, METRICS)
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
    assert unpack(pack(source)).claims == source.claims
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
    found = judge_claims(source.claims, aggregate(source.of(below)))[0]
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
    found = judge_claims(source.claims, aggregate(source.of(counted)))[0]
    assert found.verdict == "undecided"
    assert "p = 0.250; 6 needed" in found.cells[0].words


def test_klom_is_one_value_for_many_requests_and_no_claim():
    with pytest.raises(InputError, match="one value for all trainings of a forget set"):
        parse("ugradsl beats ga on klom", ROWS, WHERE, all_metrics())
