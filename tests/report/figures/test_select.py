"""Which figures a cell has, and what their specifications name."""

import json

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.tuning import studies
from mubench.report.build import build
from mubench.report.figures.figure import figure
from mubench.report.figures.select import cell_figures
from tests.support.report_world import world


def test_specifications_are_json_and_name_no_host():
    cell = aggregate(world())[0]
    for one in cell_figures(cell, studies(cell), {"ft": {"lr": 1.0}}, None):
        assert "://" not in json.dumps(one.spec)
    assert figure("n", "c", {"mark": "bar"}).spec["mark"] == "bar"


def test_figures_of_a_large_sweep_are_files_only_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("mubench.report.build.MANY", 5)
    assert not (build(world(), tmp_path / "some").out / "figures").exists()
    assert len(list((build(world(), tmp_path / "all", full=True).out / "figures").iterdir())) == 12
