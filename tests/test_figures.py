import json
from dataclasses import replace

import pytest
from report_world import CELLS, finals, record, retrains, searches, world

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.importance import importances
from mubench.report.analysis.tuning import studies
from mubench.report.figures.confidence import confidence_histograms
from mubench.report.figures.cost import front, gap_against_cost
from mubench.report.figures.curves import hyperparameter_curves, ratio_curves
from mubench.report.figures.figure import figure
from mubench.report.figures.render import draw
from mubench.report.figures.search import importance_bars
from mubench.report.figures.select import cell_figures
from mubench.store.examples import BINS, CellExhibits, Confidences
from mubench.store.results import ReportSource


def data_of(spec):
    """All inline rows of a specification."""
    if isinstance(spec, dict):
        held = spec.get("values")
        found = [row for row in held if isinstance(row, dict)] if isinstance(held, list) else []
        return found + [row for value in spec.values() for row in data_of(value)]
    if isinstance(spec, list):
        return [row for value in spec for row in data_of(value)]
    return []


def test_no_point_of_the_front_is_beaten_and_every_other_is():
    points = [{"cost": c, "gap": g} for c, g in [(1, 5), (2, 4), (2, 6), (3, 4.5), (4, 1), (9, 1)]]
    kept = front(points)
    assert [(p["cost"], p["gap"]) for p in kept] == [(1, 5), (2, 4), (4, 1)]


def test_the_cost_figure_holds_means_bars_and_anchors_in_points_and_seconds():
    cell = aggregate(world())[0]
    rows = data_of(gap_against_cost(cell).spec)
    plus = next(r for r in rows if r.get("row") == "UGradSL+" and r["selection"] == "tuned")
    assert (plus["gap"], plus["low"], plus["high"]) == pytest.approx((2.2, 2.0, 2.4))
    assert (plus["cost"], plus["fast"], plus["slow"]) == pytest.approx((0.3, 0.2, 0.4))
    assert {"cost": 6.0} in rows, "Retrain's"
    assert {"low": 0, "high": pytest.approx(2.0)} in rows, "the noise floor"


def ratio_world(ratios, kind="random"):
    cells = tuple(f"digits/small_cnn/{kind}-{ratio:g}" for ratio in ratios)
    records = []
    for cell, ratio in zip(cells, ratios, strict=True):
        records += [*retrains(cell, 2), *finals(cell, "ft", ratio, "tuned", 2)]
    return ReportSource("toy", "", tuple(records), cells, ("ft",), {}, "")


def test_metrics_against_the_ratio_need_two_ratios_and_stand_in_their_order():
    assert ratio_curves(aggregate(ratio_world([0.1]))) == ()
    (found,) = ratio_curves(aggregate(ratio_world([0.5, 0.1])))
    assert found.name == "ratio-digits-small_cnn-random"
    gaps = [r for r in found.spec["hconcat"][-1]["data"]["values"] if r["row"] == "FT"]
    assert [(r["at"], r["value"]) for r in gaps] == [
        (0.1, pytest.approx(10.5)),
        (0.5, pytest.approx(52.5)),
    ]


@pytest.mark.parametrize(
    ("scenario", "kind", "ratio"),
    [
        ("random-0.1", "random", 0.1),
        ("random-0.1-stratified", "random-stratified", 0.1),
        ("class", "class", None),
        ("group-0.05", "group", 0.05),
        ("random-1e-05", "random", 1e-05),
    ],
)
def test_a_cell_knows_its_kind_and_ratio(scenario, kind, ratio):
    name = f"d[a=1]/m/{scenario}"
    cell = aggregate(ReportSource("t", "", tuple(retrains(name, 1)), (name,), (), {}, ""))[0]
    assert (cell.dataset, cell.model, cell.kind, cell.ratio) == ("d[a=1]", "m", kind, ratio)


def search(count, objective):
    """A study of `count` candidates whose params are lr, epochs and a label."""
    made = [
        record(
            id=f"s{k}",
            kind="search",
            purpose="search",
            method="ft",
            row="ft",
            candidate=k,
            trials=count,
            params={"lr": 10.0 ** -(k % 7), "epochs": 1 + (3 * k) % 5, "label": "ab"[k % 2]},
            metrics={},
        )
        for k in range(count)
    ]
    made = [replace(one, metrics={"gap": objective(one.params)}) for one in made]
    source = ReportSource("toy", "", tuple(made), CELLS[:1], ("ft",), {}, "")
    return studies(aggregate(source)[0])


def test_the_hyperparameter_that_decides_has_most_of_the_importance():
    found = importances(search(35, lambda params: params["lr"]))["ft"]
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=found.get) == "lr"
    assert found["lr"] > 0.5


def test_a_few_candidates_have_no_importance():
    assert importances(search(9, lambda params: params["lr"])) == {}


def test_importances_are_drawn_by_row_largest_first():
    cell = aggregate(world())[0]
    found = importance_bars(cell, {"ft": {"lr": 0.2, "epochs": 0.8}})
    assert [row["name"] for row in data_of(found.spec)] == ["FT · epochs", "FT · lr"]


def test_histograms_are_shares_of_each_side():
    one = Confidences(row="retrain", forget=(3, 1, *[0] * (BINS - 2)), holdout=(0,) * BINS)
    found = confidence_histograms(
        aggregate(world())[0], CellExhibits(request="r", confidences=(one,))
    )
    rows = data_of(found.spec)
    assert [row["share"] for row in rows[:3]] == [0.75, 0.25, 0.0]
    assert {row["side"] for row in rows} == {"forgotten"}, "nothing is drawn of an empty side"
    assert rows[0]["confidence"] == pytest.approx(0.5 / BINS)


def test_a_figure_is_drawn_as_svg_and_png_and_the_same_way_in_other_processes():
    cell = aggregate(world())[0]
    few = {f.name: f for f in cell_figures(cell, studies(cell), {}, None)}
    here = draw(few)
    assert set(here) == {f"{name}.{kind}" for name in few for kind in ("svg", "png")}
    assert all(content.startswith(b"<svg") for name, content in here.items() if "svg" in name)
    assert all(content.startswith(b"\x89PNG") for name, content in here.items() if "png" in name)


@pytest.mark.slow
def test_many_figures_are_drawn_in_several_processes_with_the_same_bytes():
    cell = aggregate(world())[0]
    one = gap_against_cost(cell)
    found = draw({f"f{k}": one for k in range(14)})
    assert len({content for name, content in found.items() if name.endswith("svg")}) == 1
    assert found["f0.svg"] == draw({"f": one})["f.svg"]


def test_a_search_that_only_failed_is_drawn_all_the_same():
    cell = aggregate(
        ReportSource(
            *("toy", ""),
            tuple(replace(r, status="diverged") for r in searches(CELLS[0], "ft", 0.1)),
            *(CELLS[:1], ("ft",), {}, ""),
        )
    )[0]
    names = [f.name for f in cell_figures(cell, studies(cell), {}, None)]
    assert names == ["tuning"]


def test_specifications_are_json_and_name_no_host():
    cell = aggregate(world())[0]
    for one in cell_figures(cell, studies(cell), {"ft": {"lr": 1.0}}, None):
        assert "://" not in json.dumps(one.spec)
    assert figure("n", "c", {"mark": "bar"}).spec["mark"] == "bar"


def test_candidates_that_all_came_to_the_same_have_no_importance():
    assert importances(search(12, lambda params: 1.0)) == {}


def test_curves_of_one_method_that_differ_in_another_axis_are_apart():
    points = {f"ugradsl[alpha={a},p={p}]": {"alpha": a, "p": p} for a, p in POINTS}
    made = [
        replace(one, given=given, params=given)
        for row, given in points.items()
        for one in finals(CELLS[0], row, 0.1, "tuned", 2)
    ]
    records = (*retrains(CELLS[0], 2), *made)
    cell = aggregate(ReportSource("toy", "", records, CELLS[:1], tuple(points), {}, ""))[0]
    (found,) = hyperparameter_curves(cell)
    assert found.name == "curve-alpha"
    drawn = {(row["row"], row["at"]) for row in data_of(found.spec) if "row" in row}
    assert drawn == {(f"UGradSL (p = {p})", a) for a, p in POINTS}


POINTS = ((-0.2, 0.1), (-1.0, 0.1), (-0.2, 0.9))
