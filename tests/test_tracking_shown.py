"""What a person reads in MLflow: names, metrics, descriptions, saved views. No MLflow here."""

import json
import statistics
from dataclasses import replace

import pytest
from report_world import CELLS, ERRORS, ROWS, world
from test_tracking import record_of

from mubench.report.analysis.aggregate import aggregate
from mubench.report.figures.figure import PALETTE
from mubench.report.tables.markdown_csv import to_markdown
from mubench.report.tables.table import CAPTION, table
from mubench.report.text.summary import headline
from mubench.sweep import load
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.tracking.descriptions import LONGEST, experiment_note, row_note, sweep_note
from mubench.tracking.metrics import floor_metrics, ordered, row_metrics, sweep_metrics
from mubench.tracking.run_names import RunNames, cell_names
from mubench.tracking.runs import run_tree
from mubench.tracking.views import saved_views, view_tags

GROWTH = (1.0, 1.1, 1.2)
"""How much farther each request of the made-up world lies."""
TUNED = dict(zip(ROWS, ERRORS, strict=True))


def plan_of(*changes: str) -> Plan:
    return make_plan(load.load("quickstart", changes).spec)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of()


def cells():
    return aggregate(world())


def candidate_of(step) -> int:
    return step.candidate if step.kind == "search" else -1


def test_names_leave_out_what_all_cells_share(plan: Plan):
    two = plan_of("grid.dataset=[digits, {name: digits, flip_labels: 0.2}]")
    both = plan_of(
        "grid.dataset=[digits, {name: digits, flip_labels: 0.2}]",
        "grid.model=[small_cnn, vgg_small]",
        "methods={ga: {}}",
        "claims=[]",
    )
    assert list(cell_names(plan).values()) == ["random-0.1", "class"]
    assert list(cell_names(two).values())[:2] == ["digits/random-0.1", "digits/class"]
    assert "digits[flip_labels=0.2]/vgg_small/class" in cell_names(both).values()
    for one in (plan, two, both):
        assert list(cell_names(one)) == list(one.cells)
        names = [RunNames(one).step(step, candidate_of(step)) for step in one.steps.values()]
        assert len(set(names)) == len(names), "no two runs read alike"


def test_a_name_says_row_selection_cell_and_request(plan: Plan):
    names = RunNames(plan)
    found = {names.step(step, candidate_of(step)) for step in plan.steps.values()}
    assert {
        "Training · train=0",
        "Retrain · class · class=1 train=1",
        "Retrain replica 2 · random-0.1 · forget=0 train=0",
        "Original · class · class=0 train=0",
        "UGradSL (α = −0.2) candidate 3 · random-0.1 · forget=100 train=100",
        "UGradSL+ tuned · random-0.1 · forget=2 train=2",
    } <= found


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


def test_the_sweeps_description_says_what_came_out_and_where_things_are(plan: Plan):
    links = {"Compare methods: class": "#/experiments/7/runs?viewStateShareKey=k"}
    note = sweep_note(plan, cells(), None, links)
    first = note.splitlines()[0]
    assert "[Compare methods: class](#/experiments/7/runs?viewStateShareKey=k)" in first
    assert "`report/index.html`" in first
    for cell in cells():
        assert headline(cell) in note
        assert f"## {cell.name.replace('_', chr(92) + '_')}" in note
    assert "| UGradSL+ | tuned |" in note
    assert "| default |" not in note, "the report has the defaults"
    assert "fractions" in note
    assert note.endswith(CAPTION)


def test_a_long_description_is_cut_cell_by_cell(plan: Plan):
    cell = cells()[0]
    many = [replace(cell, name=f"digits/small-cnn/{k:03}") for k in range(200)]
    links = {f"Compare methods: {one.name}": "#/" + 100 * "x" for one in many}
    for count in (1, 2, 5, 20, 200):
        note = sweep_note(plan, many[:count], None, dict(list(links.items())[:count]))
        assert len(note) <= LONGEST
        shown = note.count("\n## ")
        said = note.count("- **digits/small-cnn/")
        assert shown == count or f"The table of {count - shown} more cell" in note
        assert said == count or f"Words on {count - said} more cells" in note
        assert note.count("| UGradSL+ | tuned |") == shown, "no table is cut"
    assert (shown, said > 3) == (0, True)
    assert len(experiment_note(plan, links)) <= LONGEST


def test_a_cell_without_tuned_rows_shows_its_defaults(plan: Plan):
    source = world()
    untuned = [r for r in source.records if r.selection != "tuned"]
    expected = {key: n for key, n in source.expected.items() if key[2] != "tuned"}
    cell = aggregate(replace(source, records=tuple(untuned), expected=expected))[0]
    assert "| UGradSL+ | default |" in sweep_note(plan, [cell], None, {})


def test_a_sweep_that_has_just_begun_says_so(plan: Plan):
    source = replace(world(), records=(), cells=plan.cells, rows=plan.rows)
    [only] = run_tree(plan, source, {}, running=True)
    assert (only.name, only.status) == ("quickstart", "RUNNING")
    assert only.tags["mlflow.note.content"].count("No step of this cell has completed.") == 2
    assert only.metrics == {"steps": len(plan.steps), "steps_done": 0, "steps_failed": 0}


def test_a_rows_description_has_its_own_lines_and_notes_alone():
    cell = cells()[0]
    chosen = next(r for r in world().records if r.row == "ga" and r.selection == "tuned")
    note = row_note(cell, "ga", None, chosen, 4)
    assert note.startswith("Tuned: Avg. Gap 11.00 ± 1.00 points over 3 requests. Default: ")
    assert "The search chose candidate 2 of 4: `epochs` = 5, `lr` = 0.01." in note
    lines = [line for line in note.splitlines() if line.startswith("| ")]
    titles = [line.split("|")[1].partition("<")[0].strip() for line in lines[2:]]
    assert titles == ["Retrain", "Original", "GA", "GA"]
    assert "1 of 3 diverged" in note
    assert "predictions unchanged" not in note, "that is FT's"
    whole = to_markdown(table(cell)).splitlines()
    assert set(lines) <= set(whole), "the report's digits"


def test_a_saved_view_shows_the_rows_of_one_cell_smallest_gap_first(plan: Plan):
    found = saved_views(plan, cell_names(plan))
    assert [view.title for view in found] == [
        "Compare methods: random-0.1",
        "Compare methods: class",
        "Every final step",
    ]
    state = found[1].state
    assert state["searchFilter"] == f"tags.kind = 'row' and tags.cell = '{plan.cells[1]}'"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`tuned/gap`", True)
    columns = ["gap", "sd/gap", "ua", "mia_svc", "ra", "ta", "rte_seconds", "requests"]
    names = [f"metrics.`tuned{'_' if name == 'sd/gap' else '/'}{name}`" for name in columns]
    names.append("metrics.`default/gap`")
    assert state["selectedColumns"] == names
    assert state["columnOrder"] == ["attributes.`Run Name`", *names]
    charts = [
        (chart["type"], chart.get("metricKey") or (chart["xaxis"]["key"], chart["yaxis"]["key"]))
        for chart in state["compareRunCharts"]
    ]
    assert charts == [
        ("BAR", "tuned/gap"),
        ("SCATTER", ("tuned/rte_seconds", "tuned/gap")),
        ("LINE", "search/best_objective"),
        *(("BAR", f"tuned/{name}") for name in ("ua", "mia_svc", "ra", "ta", "rte_seconds")),
        ("BAR", "default/gap"),
    ]
    [section] = state["compareRunSections"]
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {section["uuid"]}
    assert found[1].link("7") == (
        f"#/experiments/7/runs?viewStateShareKey={found[1].key}"
        "&compareRunsMode=CHART&workflowType=machine_learning"
    )


def test_a_sweep_without_searches_compares_defaults():
    untuned = plan_of(
        "methods={ga: {learning_rate: 0.1, epochs: 1, batch_size: 32, clip_norm: 0}}", "claims=[]"
    )
    assert not untuned.studies
    state = saved_views(untuned, cell_names(untuned))[0].state
    assert state["orderByKey"] == "metrics.`default/gap`"
    assert "LINE" not in {chart["type"] for chart in state["compareRunCharts"]}


def test_saved_views_have_the_envelope_that_mlflow_lists(plan: Plan):
    found = saved_views(plan, cell_names(plan))
    tags = view_tags(found, 1234)
    assert [*tags] == [f"mlflow.sharedViewState.{view.key}" for view in found]
    held = json.loads(tags[f"mlflow.sharedViewState.{found[0].key}"])
    assert json.loads(held.pop("state")) == found[0].state
    assert held == {"name": found[0].title, "createdAt": 1234, "updatedAt": 1234}
    assert max(map(len, tags.values())) <= 5000, "what older servers take"


def test_a_row_has_one_colour_wherever_it_stands(plan: Plan):
    many = plan_of("methods.ugradsl=[{}, {alpha: [0.0, -0.2, -0.3, -0.5, -1.0]}]")
    records = [record_of(step) for step in many.steps.values() if step.kind != "search"]
    records = [
        r if r.kind == "train" else replace(r, cell=many.steps[r.id].request.cell) for r in records
    ]
    source = replace(
        world(), records=tuple(records), cells=many.cells, rows=many.rows, expected=many.expected()
    )
    shown: dict[str, set[str]] = {}
    for run in run_tree(many, source, {}):
        if run.tags["kind"] in ("row", "final"):
            shown.setdefault(run.tags["row"], set()).add(run.tags["mlflow.runColor"])
    methods = [row for row in many.rows if row != "original"]
    assert len(methods) > len(PALETTE)
    assert [len(shown[row]) for row in methods] == [1] * len(methods)
    assert [shown[row] for row in methods[: len(PALETTE)]] == [{tone} for tone in PALETTE]
    assert len({tone for row in methods for tone in shown[row]}) == len(methods)
