"""Figures as SVG and PNG: the same bytes in every process."""

from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.tuning import studies
from mubench.report.figures import render
from mubench.report.figures.cost import gap_against_cost
from mubench.report.figures.render import draw
from mubench.report.figures.select import cell_figures
from tests.support.report_world import world


def test_a_figure_is_drawn_as_svg_and_png_and_the_same_way_in_other_processes():
    cell = aggregate(world())[0]
    few = {f.name: f for f in cell_figures(cell, studies(cell), {}, None)}
    here = draw(few)
    assert set(here) == {f"{name}.{kind}" for name in few for kind in ("svg", "png")}
    assert all(content.startswith(b"<svg") for name, content in here.items() if "svg" in name)
    assert all(content.startswith(b"\x89PNG") for name, content in here.items() if "png" in name)


def test_what_was_drawn_from_the_same_is_not_drawn_again(monkeypatch):
    one, *_ = cell_figures(aggregate(world())[0], (), {}, None)
    earlier = draw({"same": one, "other": one})
    other = replace(one, spec={**one.spec, "title": "other"})
    drawn = []
    real = render._drawn
    monkeypatch.setattr(render, "_drawn", lambda spec: drawn.append(spec) or real(spec))
    found = draw({"same": one, "other": other, "new": one}, earlier)
    assert [spec.get("title") for spec in drawn] == ["other", one.spec.get("title")]
    assert {name: found[name] for name in ("same.svg", "same.png")} == {
        name: earlier[name] for name in ("same.svg", "same.png")
    }
    assert found["other.png"] != earlier["other.png"]
    assert found["new.svg"] == earlier["same.svg"]


@pytest.mark.slow
def test_many_figures_are_drawn_in_several_processes_with_the_same_bytes():
    cell = aggregate(world())[0]
    one = gap_against_cost(cell)
    found = draw({f"f{k}": one for k in range(14)})
    assert len({content for name, content in found.items() if name.endswith("svg")}) == 1
    assert found["f0.svg"] == draw({"f": one})["f.svg"]
