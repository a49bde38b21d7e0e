"""Saved views: the rows of one cell, smallest gap first."""

import json

import pytest

from mubench.sweep.plan import Plan
from mubench.tracking.run_names import cell_names
from mubench.tracking.views import saved_views, view_tags
from tests.support.tracked_plan import plan_of
from tests.support.tracked_world import SHORT, World


@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
def test_a_saved_view_finds_the_rows_of_its_cell_and_the_sweep_links_to_it(world: World):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    client = MlflowClient(tracking_uri=world.uri)
    held = client.get_experiment_by_name("mubench/quickstart")
    saved = {k: json.loads(v) for k, v in held.tags.items() if k.startswith("mlflow.shared")}
    [(tag, view)] = [(k, v) for k, v in saved.items() if v["name"] == f"Compare methods: {SHORT}"]
    assert view["createdAt"] == held.creation_time
    state = json.loads(view["state"])
    runs = client.search_runs([held.experiment_id], state["searchFilter"])
    assert {run.info.run_name for run in runs} == {f"FT · {SHORT}", f"GA · {SHORT}"}
    shown = {name.removeprefix("metrics.").strip("`") for name in state["selectedColumns"]}
    logged = {name for run in runs for name in run.data.metrics}
    assert shown - logged == {"tuned/mia_svc", "tuned/ra", "tuned/ta", "tuned/rte_seconds"}, (
        "the records here have only gap and ua"
    )
    link = f"#/experiments/{held.experiment_id}/runs?viewStateShareKey={tag.rpartition('.')[2]}&"
    assert link in world.runs()["quickstart"].data.tags["mlflow.note.content"]
    assert link in held.tags["mlflow.note.content"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
def test_the_query_that_the_documents_name_finds_a_record(world: World):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    step = next(s for s in world.plan.steps.values() if s.kind == "retrain")
    client = MlflowClient(tracking_uri=world.uri)
    experiment = client.get_experiment_by_name("mubench/quickstart").experiment_id
    [run] = client.search_runs([experiment], f"tags.\"mubench.key\" = '{step.id}'")
    assert run.info.run_name.startswith("Retrain · random-0.1 · forget=")


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
