"""Headline, remarks and warnings of a cell."""

from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.table import table
from mubench.report.text.summary import headline, warnings
from tests.support.evidence_world import evidence_cell
from tests.support.report_cells import CELL, only_cell, remarks, with_gaps
from tests.support.report_world import finals, record, retrains, without_luck, world


def test_the_headline_names_the_closest_row_its_gap_and_the_noise_floor():
    assert headline(aggregate(world())[0]) == (
        "Closest to Retrain: UGradSL+ (tuned), Avg. Gap 2.20 ± 0.20 points over 3 requests. "
        "Noise floor: two Retrains of one request differ by 1.33 points "
        "(95th percentile 2.00, 9 pairs)."
    )


def test_three_requests_are_said_to_be_too_few():
    said = remarks(aggregate(world())[0])
    assert said[0] == (
        "UGradSL+ takes 0.300 s, 5 % of the 6.00 s of retraining; tuning time is not included."
    )
    assert said[1] == (
        "Not significant: with 3 requests no pair of the 7 rows can reach p < 0.05 after "
        "correction; 10 requests are needed."
    )
    assert said[2] == (
        "UGradSL is 5.50 points closer than GA, which it builds on "
        "(not significant: 3 requests, 6 needed)."
    )


def test_six_requests_decide_a_planned_comparison_but_no_pair_of_a_table():
    said = remarks(aggregate(without_luck(world(6)))[0])
    assert said[1].startswith("Not significant: with 6 requests")
    assert (
        "UGradSL+ is 2.50 points closer than FT, which it builds on (p = 0.031, 6 requests)."
        in said
    )


def test_ten_requests_decide_all_pairs_of_seven_rows():
    cell = aggregate(without_luck(world(10)))[0]
    said = remarks(cell)
    assert said[1].startswith(
        "UGradSL+ is significantly closer than FT, UGradSL, UGradSL (α = −0.2), IU,"
    )
    letters = {line.name: line.letters for line in table(cell).group("tuned")}
    order = ("ugradsl_plus", "ft", "ugradsl", "ugradsl[alpha=-0.2]", "iu")
    assert [letters[name] for name in order] == ["a", "b", "c", "d", "e"]
    assert {line.letters for line in table(cell).group("reference")} == {""}
    assert table(cell).group("default")[-1].letters == "A"


def test_equal_rows_are_neither_closer_nor_farther():
    made = [*with_gaps("ga", [0.1] * 6), *with_gaps("ugradsl", [0.1] * 6)]
    cell = only_cell([*retrains(CELL, 6), *made], rows=("ga", "ugradsl"))
    assert any("is as far from Retrain as GA" in text for text in remarks(cell))


def test_methods_no_better_than_doing_nothing_are_named():
    idle = finals(CELL, "original", 0.05, "", 3)
    said = remarks(only_cell([*retrains(CELL, 3), *idle, *finals(CELL, "ft", 0.1, "tuned", 3)]))
    assert said[-1] == "The original (no unlearning) has Avg. Gap 5.50 ± 0.50; FT is no closer."


def test_a_warning_says_when_original_and_retrain_hardly_differ_on_the_forget_set():
    anchors = retrains(CELL, 3)
    near = only_cell([*anchors, *finals(CELL, "original", 0.015, "", 3)])
    far = only_cell([*anchors, *finals(CELL, "original", 0.2, "", 3)])
    assert "cannot rank methods" in warnings(near)[0]
    assert warnings(far) == ()


def test_no_verdict_is_given_where_the_original_is_within_the_noise():
    made = [*finals(CELL, "ft", 0.1, "tuned", 6), *finals(CELL, "ga", 0.2, "tuned", 6)]
    near, far = (finals(CELL, "original", error, "", 6) for error in (0.01, 0.2))
    blind, seeing = (remarks(only_cell([*retrains(CELL, 6), *made, *idle])) for idle in (near, far))
    assert seeing[1] == "FT is significantly closer than GA."
    assert len(blind) == 2
    assert blind[1].startswith("The original")


def test_rows_within_the_noise_floor_are_said_to_be_as_close_as_another_retrain():
    made = [*finals(CELL, "ft", 0.015, "tuned", 3), *finals(CELL, "ga", 0.2, "tuned", 3)]
    said = remarks(only_cell([*retrains(CELL, 3), *made]))
    assert said[1] == "Within the noise floor's 95th percentile: FT."


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "No step of this cell has completed."),
        (retrains(CELL, 1), "No final step of a method has completed."),
        ([record(row="ft", selection="tuned", status="error")], "No final step has metrics"),
        (
            [record(row="ft", selection="tuned", metrics={"gap": 0.1})],
            "No method has completed all of its final steps: no row is ranked.",
        ),
    ],
)
def test_a_cell_without_a_ranking_says_why(records, words):
    assert headline(only_cell(records, expected={(CELL, "ft", "tuned"): 2})).startswith(words)


def test_a_missing_retrain_is_said():
    made = [*with_gaps("ft", [0.1]), *finals(CELL, "original", 0.2, "", 1)]
    assert warnings(only_cell(made))[0].startswith("Retrain's own records are missing")
    cell = only_cell([replace(one, metrics={"ua": 0.1}) for one in made])
    assert warnings(cell)[0] == "No Retrain has completed: no gap can be computed."
    assert cell.methods[0].distances == {}


def test_a_single_request_and_a_single_training_are_said():
    one = only_cell(
        [*retrains(CELL, 1), *finals(CELL, "original", 0.2, "", 1), *with_gaps("ft", [0.1])]
    )
    assert warnings(one)[-1].startswith("Only one request")
    made = [replace(r, seed_train=7) for r in with_gaps("ft", [0.1, 0.2])]
    two = only_cell([*retrains(CELL, 2), *finals(CELL, "original", 0.2, "", 2), *made])
    assert warnings(two)[-1].startswith("All requests start from one original (train seed 7)")


def test_a_tuned_row_that_is_worse_than_its_defaults_beyond_the_floor_is_named():
    """Defaults of FT: 0.02 and 0.03 in turn; its tuned row: 0.04 (1 + 0.1 k); the floor: 0.0133."""
    source = world(6)
    moved = {f"{CELL}:final:ft:default:{k}": 0.02 + 0.01 * (k % 2) for k in range(6)}
    records = [
        replace(r, metrics={**r.metrics, "gap": moved[r.id]}) if r.id in moved else r
        for r in source.records
    ]
    said = " ".join(remarks(aggregate(source.with_records(records))[0]))
    assert "Tuned rows that are farther than their own defaults: FT (by 2.50 points)." in said
    assert "farther than their own defaults" not in " ".join(remarks(aggregate(world(6))[0]))


def test_the_row_that_the_robust_gap_prefers_is_named():
    source = world(6)

    def with_robust(value):
        records = [
            replace(r, metrics={**r.metrics, "robust_gap": value(r)}) if "gap" in r.metrics else r
            for r in source.records
        ]
        return remarks(aggregate(source.with_records(records))[0])

    other = with_robust(lambda r: 0.01 if r.row == "iu" else 0.3)
    assert "By the robust gap IU is closest: 1.00 points." in other
    same = with_robust(lambda r: 2 * r.metrics["gap"])
    assert "By the robust gap UGradSL+ is closest, too: 5.00 points." in same


def test_rows_that_only_further_evidence_tells_from_retrain_are_named():
    """FT is like Retrain in the table; GA is not, and needs no other evidence."""
    [said] = [text for text in remarks(evidence_cell()) if "further evidence" in text]
    assert said == (
        "Like Retrain in UA, MIA, RA and TA, but not in further evidence: FT (relearn)."
    )
    assert not any("further evidence" in text for text in remarks(evidence_cell(6)))
    assert not any("further evidence" in text for text in remarks(aggregate(world(9))[0]))
