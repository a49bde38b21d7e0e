"""Bars of time: every second of every phase once."""

from mubench.report.figures.times import time_bars
from tests.support.report_world import record

RECORDS = [
    record(kind="train", seconds=9.0, phases={"import": 1.0, "training": 9.0}),
    record(kind="search", seconds=3.0, phases={"unlearning": 1.0, "attack": 1.5}),
    record(kind="search", seconds=2.0, phases={"unlearning": 2.0}),
]


def test_a_bar_for_each_kind_in_the_parts_of_its_phases():
    shown = time_bars(RECORDS)
    assert shown is not None
    parts = {
        (part["kind"], part["phase"]): part["seconds"] for part in shown.spec["data"]["values"]
    }
    assert parts == {
        ("train (1)", "import"): 1.0,
        ("train (1)", "training"): 9.0,
        ("search (2)", "unlearning"): 3.0,
        ("search (2)", "attack"): 1.5,
        ("search (2)", "other"): 0.5,
    }
    scale = shown.spec["encoding"]["color"]["scale"]
    assert scale["domain"] == ["import", "training", "unlearning", "attack", "other"]
    assert len(set(scale["range"])) == 5


def test_records_of_an_older_mubench_have_no_figure():
    assert time_bars([record(kind="train", seconds=9.0)]) is None
