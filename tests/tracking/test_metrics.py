"""Metrics of runs: means, spreads, distances, the noise floor."""

import statistics
from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.tracking.metrics import floor_metrics, ordered, row_metrics, sweep_metrics
from tests.support.evidence_world import evidence_source
from tests.support.report_cells import CELL
from tests.support.report_world import CELLS, ERRORS, ROWS, world
from tests.support.tracked_plan import cells

GROWTH = (1.0, 1.1, 1.2)
"""How much farther each request of the made-up world lies."""
TUNED = dict(zip(ROWS, ERRORS, strict=True))


def test_a_row_has_means_spreads_and_distances_under_names_that_say_so():
    cell = cells()[0]
    rows = [row for row in cell.methods if row.label == "ft"]
    metrics = row_metrics(rows)
    away = [TUNED["ft"] * grown for grown in GROWTH]
    assert metrics["tuned/gap"] == pytest.approx(statistics.fmean(away))
    assert metrics["tuned_sd/gap"] == pytest.approx(statistics.stdev(away))
    assert metrics["default/gap"] == pytest.approx(2 * statistics.fmean(away))
    assert metrics["tuned/ua"] == pytest.approx(0.28 - statistics.fmean(away))
    assert metrics["tuned_to_retrain/ua"] == pytest.approx(statistics.fmean(away))
    assert metrics["tuned_to_retrain/gap_of_means"] == pytest.approx(statistics.fmean(away))
    assert metrics["tuned/requests"] == metrics["default/requests"] == 3
    first = ["tuned/requests", "tuned/gap", "tuned/ua", "tuned/mia_svc", "tuned/ra", "tuned/ta"]
    assert list(metrics)[:7] == [*first, "tuned/rte_seconds"]


def test_one_request_has_no_spread():
    cell = aggregate(world(requests=1))[1]
    metrics = row_metrics(row for row in cell.methods if row.label == "ft")
    assert not [name for name in metrics if "_sd/" in name]


def test_references_have_their_own_names_and_the_noise_floor():
    cell = cells()[0]
    assert row_metrics([cell.original])["original/gap"] == pytest.approx(0.22 * 1.1)
    retrain = row_metrics([cell.retrain])
    assert retrain["retrain/ua"] == pytest.approx(0.28)
    assert not [name for name in retrain if "to_retrain" in name], "its distance to itself"
    floor = floor_metrics(cell)  # replicas lie 0.01 apart: pairs differ by 0.01, 0.02 and 0.01
    assert floor["noise_floor/gap"] == pytest.approx(0.04 / 3)
    assert (floor["noise_floor/pairs"], floor["noise_floor_p95/gap"]) == (9, pytest.approx(0.02))
    assert floor_metrics(replace(cell, floor=None)) == {}


def test_the_sweep_has_each_cells_best_beside_doing_nothing_and_the_floor():
    names = {CELLS[0]: "random-0.1", CELLS[1]: "digits/class"}
    assert sweep_metrics(cells(), names) == pytest.approx(
        {
            "smallest_gap_tuned/random-0.1": 0.022,
            "smallest_gap_default/random-0.1": 0.044,
            "original_gap/random-0.1": 0.242,
            "noise_floor_gap/random-0.1": 0.04 / 3,
            "smallest_gap_tuned/digits class": 0.022,
            "smallest_gap_default/digits class": 0.044,
            "original_gap/digits class": 0.242,
            "noise_floor_gap/digits class": 0.04 / 3,
        }
    )


def test_a_steps_metrics_begin_with_those_of_the_table():
    held = {"zz_plugin": 1.0, "flops": 2.0, "ta": 0.3, "ua": 0.4, "gap": 0.5, "kl_forget": 0.6}
    assert list(ordered(held)) == ["gap", "ua", "ta", "kl_forget", "flops", "zz_plugin"]
    assert ordered(held) == held


def test_a_control_that_is_closest_is_no_cells_smallest_gap():
    names = {CELL: "here"}
    source = evidence_source()
    closest = [
        replace(r, metrics={**r.metrics, "gap": 0.0}) if r.row == "sham" else r
        for r in source.records
    ]
    found = sweep_metrics(aggregate(source.with_records(closest)), names)
    assert found == sweep_metrics(aggregate(source), names)
    assert found["smallest_gap_tuned/here"] == pytest.approx(0.03 * 4 / 9), "that of FT"
