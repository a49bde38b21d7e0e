"""Claims as a sweep file writes them."""

import pytest

from mubench.errors import InputError
from mubench.metrics.info import METRICS
from mubench.metrics.post_hoc import all_metrics
from mubench.sweep import load
from mubench.sweep.claims import parse_claim
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import changed

ROWS = ("ga", "ugradsl", "ugradsl[alpha=-0.2]")
WHERE = {
    "digits/small_cnn/random-0.1": ("digits", "small_cnn", "random-0.1", "random"),
    "digits/small_cnn/class": ("digits", "small_cnn", "class", "class"),
}


def read(text):
    return parse_claim(text, ROWS, WHERE, METRICS)


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


def test_klom_is_one_value_for_many_requests_and_no_claim():
    with pytest.raises(InputError, match="one value for all trainings of a forget set"):
        parse_claim("ugradsl beats ga on klom", ROWS, WHERE, all_metrics())


def test_a_metric_of_each_request_may_be_claimed_although_it_looks_at_other_models():
    claim = parse_claim("ugradsl exceeds ga on u_lira_auc", ROWS, WHERE, all_metrics())
    assert claim.metric == "u_lira_auc"
