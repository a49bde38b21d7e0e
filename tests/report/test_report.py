"""What a report says where little has run."""

from dataclasses import replace

from mubench.report.build import build
from tests.support.report_world import world


def test_a_sweep_without_records_still_has_a_page_that_says_so(tmp_path):
    page = build(replace(world(), records=(), expected={}), tmp_path).page.read_text()
    assert page.count("No step of this cell has completed.") == 2
    assert page.count("no row is ranked yet") == 2
    assert not (tmp_path / "figures").exists()


def test_a_search_by_a_stand_in_says_so(tmp_path):
    node = {"search": {"objective": "retrain_free"}}
    page = build(replace(world(), document=node), tmp_path).page.read_text()
    assert "a proxy for Avg. Gap" in page
    assert "Objective: Avg. Gap" not in page
