"""Estimates, distances and failures of a cell."""

from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.metrics.gap import TERMS, gap
from mubench.report.analysis.aggregate import aggregate, distances
from mubench.report.tables.all_metrics import metric_table
from mubench.report.tables.table import table
from mubench.store.results import SweepResults
from tests.support.evidence_world import with_closest_control
from tests.support.report_cells import CELL, only_cell, with_gaps
from tests.support.report_world import at_distance, finals, retrains, shuffled, world


@pytest.mark.parametrize(
    ("scenario", "kind", "ratio"),
    [
        ("random-0.1", "random", 0.1),
        ("random-0.1-stratified", "random-stratified", 0.1),
        ("random-0.1-parts5", "random-parts5", 0.1),
        ("class-parts5", "class-parts5", None),
        ("class", "class", None),
        ("group-0.05", "group", 0.05),
        ("random-1e-05", "random", 1e-05),
    ],
)
def test_a_cell_knows_its_kind_and_ratio(scenario, kind, ratio):
    name = f"d[a=1]/m/{scenario}"
    cell = aggregate(SweepResults("t", "", tuple(retrains(name, 1)), (name,), (), {}, ""))[0]
    assert (cell.dataset, cell.model, cell.kind, cell.ratio) == ("d[a=1]", "m", kind, ratio)


def test_an_estimate_is_the_mean_and_the_sample_deviation_over_requests():
    row = only_cell([*retrains(CELL, 3), *with_gaps("ft", [0.01, 0.02, 0.06])]).methods[0]
    assert row.estimates["gap"].mean == pytest.approx(0.03)
    assert row.estimates["gap"].spread == pytest.approx(0.0264575131)
    assert row.estimates["gap"].n == 3


def test_errors_of_opposite_sign_cancel_in_the_gap_of_means_only():
    anchors = [one for one in retrains(CELL, 2) if one.replica == 0]
    made = [
        replace(one, metrics={**at_distance(0.0, 0), "ua": 0.28 + away, "ra": 0.98, "gap": 0.045})
        for one, away in zip(finals(CELL, "ft", 0, "tuned", 2), (0.1, -0.1), strict=True)
    ]
    row = only_cell([*anchors, *made]).methods[0]
    assert row.estimates["gap"].mean == pytest.approx(0.045)
    assert row.distances == pytest.approx(
        {"ua": 0.0, "mia_svc": 0.0, "ra": 0.08, "ta": 0.0, "gap": 0.02}
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({name: st.floats(0, 1) for name in TERMS}), min_size=1),
    st.randoms(use_true_random=False),
)
def test_the_mean_gap_is_never_below_the_gap_of_means(ours, random):
    """38, for all four together and for each alone."""
    targets = [{name: random.random() for name in TERMS} for _ in ours]
    for names in (TERMS, *([name] for name in TERMS)):
        pairs = [
            tuple({name: side[name] for name in names} for side in pair)
            for pair in zip(ours, targets, strict=True)
        ]
        mean = fmean(gap(*pair).value for pair in pairs)
        assert mean >= fmean(distances(pairs).values()) - 1e-12


def test_a_spread_has_the_decimals_of_its_mean():
    """RTE of 3.30 s has two decimals, of 0.066 s three; a spread of its own size had others."""
    made = [
        replace(one, metrics={**one.metrics, "rte_seconds": seconds, "flops": 2e9 + seconds})
        for one, seconds in zip(finals(CELL, "ft", 0.1, "tuned", 2), (3.2, 3.4), strict=True)
    ]
    cell = only_cell([*retrains(CELL, 2), *made], rows=("ft",))
    entry = table(cell).group("tuned")[0].entries[-1]
    assert (entry.value, entry.spread) == ("3.30", "0.14")
    printed = {info.name: texts[-1] for info, texts in metric_table(cell).lines}
    assert printed["flops"] == "2.00 G ± 0.00 G"


def test_the_distance_in_parentheses_is_to_the_retrains_of_the_same_requests():
    row = only_cell([*retrains(CELL, 3), *finals(CELL, "ft", 0.04, "tuned", 2)]).methods[0]
    assert row.distances["ra"] == pytest.approx((0.04 + 0.044) / 2)


def test_the_noise_floor_pairs_retrains_of_one_request_and_never_of_two():
    floor = only_cell(retrains(CELL, 1)).floor
    assert floor is not None
    assert floor.pairs == 3
    assert floor.mean["gap"] == pytest.approx(0.04 / 3)
    assert floor.percentile_95["ua"] == pytest.approx(0.019)  # of 0.01, 0.01, 0.02
    two = only_cell(retrains(CELL, 2)).floor
    assert two is not None
    assert two.pairs == 6


def test_extra_retrains_do_not_move_the_anchor():
    assert only_cell(retrains(CELL, 2)).retrain.estimates["ua"].mean == pytest.approx(0.28)


def test_retrains_of_search_requests_are_not_the_anchor():
    searched = [replace(one, purpose="search", metrics={"ua": 1.0}) for one in retrains(CELL, 1)]
    assert only_cell(searched).retrain.records == ()


def test_the_order_of_records_does_not_show():
    shown = world()
    assert aggregate(shuffled(shown)) == aggregate(shown)


def test_a_diverged_final_counts_with_its_numbers_and_is_told():
    row = only_row("ga", "tuned")
    assert row.estimates["gap"].n == 3
    assert row.issues() == ("1 of 3 diverged (loss was not finite in step 7)",)


def test_a_row_that_only_diverged_is_not_ranked():
    """Its numbers are those of the weights that it was rolled back to."""
    made = [replace(one, status="diverged") for one in with_gaps("ga", [0.01, 0.01])]
    cell = only_cell([*made, *with_gaps("ft", [0.3, 0.3])])
    assert [row.label for row in cell.ranked("tuned")] == ["ft"]
    half = [replace(made[0], status="ok"), *made[1:]]
    assert len(only_cell([*half, *with_gaps("ft", [0.3, 0.3])]).ranked("tuned")) == 2


def test_tuned_rows_lead_where_one_of_them_is_ranked():
    defaults = with_gaps("ft", [0.1, 0.1], "default")
    assert only_cell([]).leading_selection is None
    assert only_cell(defaults).leading_selection == "default"
    assert only_cell([*defaults, *with_gaps("ga", [0.3, 0.3])]).leading_selection == "tuned"


def test_a_refused_final_has_no_number_and_is_told():
    row = only_row("iu", "default")
    assert row.estimates["gap"].n == 2
    assert row.issues() == ("1 of 3 refused (needs a retain set)",)


def test_failures_and_missing_steps_are_counted_against_the_plan():
    made = with_gaps("ft", [0.1, 0.1])
    made[0] = replace(made[0], status="out_of_memory", metrics={"gap": 0.0})
    row = only_cell(made, expected={(CELL, "ft", "tuned"): 5}).methods[0]
    assert row.issues() == ("1 of 5 out of memory", "3 of 5 not run yet")
    assert row.estimates["gap"].n == 1, "a failed step's numbers count for nothing"


def test_a_flag_is_counted():
    assert only_row("ft", "default").issues() == ("predictions unchanged (3 of 3)",)


def only_row(label, selection):
    rows = aggregate(world())[0].methods
    return next(row for row in rows if (row.label, row.selection) == (label, selection))


def test_controls_are_rows_that_are_never_ranked():
    [first, _] = aggregate(with_closest_control(world()))
    assert [row.label for row in first.controls] == ["sham"]
    assert first.rows[-1] is first.controls[0]
    assert "sham" not in {row.label for row in first.methods}
    assert all(row.label != "sham" for s in ("tuned", "default") for row in first.ranked(s))
    alone = only_cell(finals(CELL, "sham", 0.0, "control", 2), rows=("sham",))
    assert (alone.leading_selection, alone.methods) == (None, ())
