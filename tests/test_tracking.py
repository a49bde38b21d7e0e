import json
import math
import os
import pickle
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mubench.errors import TrackingError
from mubench.report.build import build
from mubench.store.gathered import gather
from mubench.store.record import Record
from mubench.store.results import ReportSource, outline
from mubench.store.results_files import pack, unpack
from mubench.store.scores import Score
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Step
from mubench.tracking import background, run_sync
from mubench.tracking import tracker as tracking
from mubench.tracking.artifacts import read_source
from mubench.tracking.background import Writer
from mubench.tracking.client import default_uri
from mubench.tracking.runs import run_tree
from mubench.tracking.sync import sync

# MLflow 3.17's SQL store raises SADeprecationWarning (SQLAlchemy 2), a DeprecationWarning.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")

OBJECTIVES = (0.5, 0.2, 0.3)
CHANGES = [
    "grid.forget=[{scenario: random, ratio: 0.1}]",
    "methods={ft: {}, ga: {}}",
    "search.trials=3",
    "seeds.final={train: [0, 1], forget: [0, 1], pair: zip}",
    "floor=0",
    "claims=[]",
]
CELL = "digits[flip_labels=0.2]/small_cnn/random-0.1"
SHORT = "random-0.1"


def small_plan(*changes: str) -> Plan:
    return make_plan(load.load("quickstart", [*CHANGES, *changes]).spec)


def small_outline() -> ReportSource:
    loaded = load.load("quickstart", CHANGES)
    return outline(make_plan(loaded.spec), loaded)


def record_of(step: Step, **changes: object) -> Record:
    training, label = step.training, getattr(step, "label", "")
    of_request = {} if step.kind == "train" else {"scenario": "random-0.1", "cell": CELL}
    of_row: dict[str, object] = {}
    metrics: dict[str, float] = {"gap": 0.1 + training.seed, "ua": 0.25, "odd:name!": math.inf}
    if step.kind == "search":
        metrics = {"objective": OBJECTIVES[step.candidate]}
        of_row = {"study": step.study_id, "candidate": step.candidate}
    elif step.kind == "final":
        study = {"study": step.study.id, "candidate": 1} if step.study else {}
        of_row = {"selection": step.selection or "", **study}
    if label:
        of_row |= {"row": label, "method": step.row.method if step.row else label}
        of_row |= {"params": {"lr": 0.1, "epochs": 2}}
    values: dict[str, object] = {
        "id": step.id,
        "unlearn_id": step.unlearn_id,
        "kind": step.kind,
        "status": "ok",
        "dataset": training.dataset.label,
        "model": training.model.label,
        "scenario": "",
        "cell": training.label,
        "request": training.name if step.kind == "train" else step.request.name,
        "purpose": training.purpose,
        "seed_train": training.seed,
        "metrics": metrics,
        "created": "2026-02-03T04:05:06.789+00:00",
        "seconds": 1.5,
    }
    return Record(**{**values, **of_request, **of_row, **changes})


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow takes seconds to lay out a database; each test gets a copy."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


class World:
    def __init__(self, folder: Path, database: Path) -> None:
        self.store = Store(str(folder))
        self.uri = default_uri(self.store.uri)
        self.plan = small_plan()
        self.outline = small_outline()
        self.database = folder / "mlflow.db"
        folder.mkdir(exist_ok=True)
        shutil.copy(database, self.database)

    def record(self, **changes: object) -> None:
        for step in self.plan.steps.values():
            self.store.records.append(record_of(step, **changes))
        self.store.records.compact()

    def sync(self, **options: object):
        return sync(self.plan, self.store, self.outline, None, None, **options)

    def runs(self) -> dict[str, object]:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name("mubench/quickstart")
        runs = client.search_runs([found.experiment_id], max_results=1000) if found else []
        names = [run.info.run_name for run in runs]
        assert len(set(names)) == len(names), "no two runs read alike"
        return {run.info.run_name: run for run in runs}

    def state(self) -> list[tuple[object, ...]]:
        """All that MLflow holds."""
        with sqlite3.connect(self.database) as db:
            return [
                row
                for table in ("runs", "metrics", "params", "tags", "experiment_tags")
                for row in sorted(db.execute(f"select * from {table}"), key=repr)
            ]


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> World:
    return World(tmp_path / "store", empty_database)


def test_a_metric_that_comes_later_completes_its_run_and_touches_no_other(world: World):
    world.record()
    world.sync()
    before = world.runs()
    name, known = next((n, r) for n, r in before.items() if "mubench.record" in r.data.tags)
    key = known.data.tags["mubench.record"]
    world.store.scores.write("rmia_auc", "code", {key: Score(0.625, "inputs", "2026-02-04")})
    done = world.sync()
    assert (done.created, done.completed) == (0, 1)
    after = world.runs()
    assert after.pop(name).data.metrics == {**known.data.metrics, "rmia_auc": 0.625}
    assert all(run.data.metrics == before[n].data.metrics for n, run in after.items())
    assert world.sync().completed == 0
    read = read_source("quickstart", world.uri)
    assert {r.id for r in read.records if "rmia_auc" in r.metrics} == {key}


def test_a_metric_that_no_longer_holds_is_no_number_until_it_holds_again(world: World):
    """Of the sweep, its rows and its steps: without any gap nothing is ranked."""
    world.record()
    world.sync()
    before = shown(world)
    gap = f"smallest_gap_tuned/{SHORT}"
    assert before["quickstart"][2][gap] == pytest.approx(0.6)
    for step in world.plan.steps.values():
        if step.kind == "final":
            world.store.records.append(record_of(step, metrics={"ua": 0.25}))
    assert world.sync().completed > 0
    now = shown(world)
    assert math.isnan(now["quickstart"][2][gap])
    assert math.isnan(now[f"FT · {SHORT}"][2]["tuned/gap"])
    assert math.isnan(now[f"FT tuned · {SHORT} · forget=0 train=0"][2]["gap"])
    assert now[f"FT · {SHORT}"][2]["default/ua"] == 0.25
    state = world.state()
    assert world.sync().completed == 0
    assert world.state() == state
    world.record()
    world.sync()
    assert shown(world) == before
    state = world.state()
    assert world.sync().completed == 0
    assert world.state() == state


def test_a_metric_of_a_step_may_become_smaller(world: World):
    world.record()
    key = next(iter(world.plan.steps))
    for day, value in enumerate((0.75, 0.5), 4):
        score = Score(value, f"inputs {day}", f"2026-02-0{day}")
        world.store.scores.write("rmia_auc", "code", {key: score})
        world.sync()
        metrics = [run.data.metrics for run in world.runs().values()]
        assert [held["rmia_auc"] for held in metrics if "rmia_auc" in held] == [value]
    assert world.sync().completed == 0


def test_a_metric_that_comes_later_has_not_been_sent(world: World):
    world.record()
    world.store.save_sweep("quickstart", {}, world.plan.steps)
    given = (world.plan, world.store, world.outline, world.uri)
    assert not tracking._was_sent(*given)
    marker = tracking._marker(world.plan)
    world.store.files.write(marker, json.dumps(tracking._digest(*given)).encode())
    assert tracking._was_sent(*given)
    key = next(iter(world.plan.steps))
    world.store.scores.write("rmia_auc", "code", {key: Score(0.5, "inputs", "2026-02-04")})
    assert not tracking._was_sent(*given)


def test_runs_form_a_tree_of_sweep_rows_and_final_steps(world: World):
    world.record()
    world.sync()
    runs = world.runs()
    names = {run.info.run_id: name for name, run in runs.items()}
    above = {
        name: names.get(run.data.tags.get("mlflow.parentRunId", "")) for name, run in runs.items()
    }
    requests = [f"forget={k} train={k}" for k in (0, 1)]
    rows = {f"{row} · {SHORT}": "quickstart" for row in ("FT", "GA", "Retrain", "Original")}
    finals = {
        f"{row} {selection} · {SHORT} · {request}": f"{row} · {SHORT}"
        for row in ("FT", "GA")
        for selection in ("default", "tuned")
        for request in requests
    }
    references = {
        f"{row} · {SHORT} · {request}": f"{row} · {SHORT}"
        for row in ("Original", "Retrain")
        for request in requests
    }
    assert above == {
        "quickstart": None,
        **rows,
        **finals,
        **references,
        f"Retrain · {SHORT} · forget=100 train=100": f"Retrain · {SHORT}",
        **{f"Training · train={k}": "quickstart" for k in (0, 1, 100)},
    }
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_a_final_step_shows_its_params_metrics_tags_and_times(world: World):
    world.record(commit="0123abc", versions={"torch": "2.13"}, forget_hash="ab12")
    world.sync()
    run = world.runs()[f"FT tuned · {SHORT} · forget=1 train=1"]
    finals = [step for step in world.plan.steps.values() if step.kind == "final"]
    step = next(s for s in finals if (s.label, s.selection) == ("ft", "tuned"))
    assert {"lr": "0.1", "epochs": "2", "seed_train": "1"}.items() <= run.data.params.items()
    assert run.data.metrics == {"gap": 1.1, "ua": 0.25, "seconds": 1.5}, "inf is left out"
    expected = {
        "status": "ok",
        "selection": "tuned",
        "cell": CELL,
        "row": "ft",
        "forget_hash": "ab12",
        "versions": "torch 2.13",
        "mlflow.source.git.commit": "0123abc",
        "mubench.study": step.study.id,
    }
    assert expected.items() <= run.data.tags.items()
    assert run.data.tags["mubench.record"] in world.plan.steps
    assert (run.info.start_time, run.info.end_time) == (1770091505289, 1770091506789)


def test_a_row_has_the_means_of_its_final_steps_and_the_curve_of_its_search(world: World):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    run = world.runs()[f"GA · {SHORT}"]
    assert run.data.metrics["tuned/gap"] == pytest.approx(0.6)  # 0.1 and 1.1
    assert run.data.metrics["tuned_sd/gap"] == pytest.approx(math.sqrt(0.5))
    assert run.data.metrics["tuned/requests"] == 2
    assert run.data.metrics["default/ua"] == 0.25
    assert run.data.tags["chosen_candidate"] == "1"
    client = MlflowClient(tracking_uri=world.uri)

    def curve(name: str) -> list[tuple[int, float]]:
        history = client.get_metric_history(run.info.run_id, name)
        return sorted((point.step, point.value) for point in history)

    assert curve("search/objective") == list(enumerate(OBJECTIVES))
    assert curve("search/best_objective") == [(0, 0.5), (1, 0.2), (2, 0.2)]
    sweep = world.runs()["quickstart"]
    assert sweep.data.metrics[f"smallest_gap_tuned/{SHORT}"] == pytest.approx(0.6)
    assert sweep.data.metrics["steps_done"] == len(world.plan.steps)


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


def test_the_query_that_the_documents_name_finds_a_record(world: World):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    step = next(s for s in world.plan.steps.values() if s.kind == "retrain")
    client = MlflowClient(tracking_uri=world.uri)
    experiment = client.get_experiment_by_name("mubench/quickstart").experiment_id
    [run] = client.search_runs([experiment], f"tags.\"mubench.key\" = '{step.id}'")
    assert run.info.run_name.startswith("Retrain · random-0.1 · forget=")


def test_runs_of_an_earlier_version_are_completed_under_their_new_names(world: World):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    wanted = shown(world)
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in world.runs().items()}
    client = MlflowClient(tracking_uri=world.uri)
    runs = world.runs()
    for name, run in runs.items():
        client.set_tag(run.info.run_id, "mlflow.runName", f"old {name}")
        for tag in ("mlflow.runColor", "mlflow.note.content"):
            if tag in run.data.tags:
                client.delete_tag(run.info.run_id, tag)
        if run.data.tags["kind"] == "row":
            client.set_tag(run.info.run_id, "kind", "study")
        if run.data.tags["kind"] == "retrain":
            client.set_tag(run.info.run_id, "mlflow.parentRunId", runs["quickstart"].info.run_id)
    done = world.sync()
    assert (done.created, done.completed) == (0, len(runs))
    assert shown(world) == wanted
    assert parents == {
        name: run.data.tags.get("mlflow.parentRunId") for name, run in world.runs().items()
    }


def test_a_second_call_changes_nothing_at_all(world: World):
    world.record()
    first = world.sync()
    state = world.state()
    second = world.sync()
    assert (second.created, second.completed) == (0, 0)
    assert (second.run_id, second.runs) == (first.run_id, first.created)
    assert world.state() == state


def test_a_call_that_died_between_two_requests_is_completed(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.record()
    wanted = World(Path(world.store.uri).with_name("other"), world.database)
    wanted.record()
    wanted.sync()
    calls = iter(range(1000))

    def dying(self: object, *_: object) -> bool:
        if next(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *_)

    real = run_sync.RunSync._log
    monkeypatch.setattr(run_sync.RunSync, "_log", dying)
    with pytest.raises(KeyboardInterrupt):
        world.sync()
    assert any(run.info.status == "RUNNING" for run in world.runs().values())
    monkeypatch.undo()
    done = world.sync()
    assert done.completed >= 1
    assert shown(world) == shown(wanted)


def shown(world: World) -> dict[str, object]:
    own = ("mubench.files", "mlflow.parentRunId", "mlflow.log")
    return {
        name: (
            run.info.status,
            run.data.params,
            run.data.metrics,
            {k: v for k, v in run.data.tags.items() if not k.startswith(own)},
        )
        for name, run in world.runs().items()
    }


def test_a_wiped_or_partly_deleted_server_is_rebuilt(world: World, empty_database: Path):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    before = shown(world)
    shutil.copy(empty_database, world.database)
    world.sync()
    assert shown(world) == before
    client = MlflowClient(tracking_uri=world.uri)
    for name in ("quickstart", f"FT default · {SHORT} · forget=0 train=0"):
        client.delete_run(world.runs()[name].info.run_id)
    assert world.sync().created == 2
    assert shown(world) == before
    assert world.runs()[f"FT · {SHORT}"].data.tags["mlflow.parentRunId"] == (
        world.runs()["quickstart"].info.run_id
    )


def test_a_sweep_grows_in_the_same_run(world: World):
    steps = list(world.plan.steps.values())
    searched = {0: 2, 1: 3}  # of ft two candidates are done, then all
    seen = []
    for call, count in searched.items():
        for step in steps:
            is_due = (
                step.kind == "search"
                and getattr(step, "label", "") == "ft"
                and step.candidate < count
            )
            if is_due or step.kind in ("train", "retrain"):
                world.store.records.append(record_of(step))
        seen.append(world.sync(running=not call).run_id)
        run = world.runs()[f"FT · {SHORT}"]
        assert run.data.tags["mubench.points"] == str(2 * count)
        assert run.info.status == ("RUNNING" if not call else "KILLED"), "no final step yet"
    world.record()
    seen.append(world.sync().run_id)
    world.plan = small_plan("seeds.final={train: [0, 1, 2], forget: [0, 1, 2], pair: zip}")
    seen.append(world.sync(running=True).run_id)
    assert len(set(seen)) == 1
    assert world.runs()["quickstart"].info.status == "RUNNING"
    world.record()
    world.sync()
    assert world.runs()["quickstart"].info.status == "FINISHED"
    assert world.runs()[f"FT · {SHORT}"].data.metrics["tuned/gap"] == pytest.approx(1.1)


def test_what_the_sweep_no_longer_asks_for_is_kept_and_marked(world: World):
    world.record()
    world.sync()
    world.plan = small_plan("seeds.final={train: [0], forget: [0], pair: zip}")
    world.sync()
    marks = {name: run.data.tags["plan"] for name, run in world.runs().items()}
    assert marks[f"FT tuned · {SHORT} · forget=0 train=0"] == "current"
    assert marks[f"FT tuned · {SHORT} · forget=1 train=1"] == "older"
    world.plan = small_plan()
    world.sync()
    assert {run.data.tags["plan"] for run in world.runs().values()} == {"current"}


def test_a_failure_shows_and_its_retry_may_have_other_params(world: World):
    world.record()
    failing = next(s for s in world.plan.steps.values() if s.selection == "tuned")
    failed = record_of(failing, status="error", message="no luck", traceback="x" * 9000, metrics={})
    world.store.records.append(failed)
    world.sync()
    name = f"FT tuned · {SHORT} · forget=0 train=0"
    run = world.runs()[name]
    assert (run.info.status, run.data.tags["mlflow.note.content"]) == ("FAILED", "no luck")
    assert world.runs()[f"FT · {SHORT}"].info.status == "FAILED"
    assert world.runs()["quickstart"].info.status == "FAILED"
    again = record_of(failing, params={"lr": 0.7}, created="2026-02-03T05:00:00+00:00")
    world.store.records.append(again)
    world.sync()
    run = world.runs()[name]
    assert (run.info.status, run.data.params["lr"]) == ("FINISHED", "0.7")
    assert world.runs()["quickstart"].info.status == "FINISHED"


def test_search_steps_are_runs_only_when_asked_for(world: World):
    world.record()
    few = world.sync().runs
    assert world.sync(searches=True).created == 6
    run = world.runs()[f"GA candidate 2 · {SHORT} · forget=100 train=100"]
    parent = world.runs()[f"GA · {SHORT}"].info.run_id
    assert (run.data.metrics["objective"], run.data.tags["mlflow.parentRunId"]) == (0.3, parent)
    assert world.sync().runs == few
    assert run.data.tags["plan"] == "current"


def test_a_failed_candidate_counts_as_the_worst_and_an_unfinished_one_ends_the_curve():
    plan = small_plan("methods={ft: {}}")
    records = {
        step.id: record_of(step, **({"status": "error", "metrics": {}} if k == 1 else {}))
        for step in plan.steps.values()
        if step.kind == "search"
        for k in [step.candidate]
    }
    study = next(iter(plan.studies.values()))

    def objectives() -> list[float]:
        source = replace(small_outline(), records=tuple(records.values()))
        row = next(e for e in run_tree(plan, source, {}) if e.tags["kind"] == "row")
        return [point.value for point in row.curve if point.name == "search/objective"]

    assert objectives() == [0.5, 1.0, 0.3]
    del records[study.steps[1][0]]
    assert objectives() == [0.5]


def test_a_report_from_mlflow_has_the_bytes_of_one_from_the_store(world: World, tmp_path: Path):
    world.store.records.append(record_of(next(iter(world.plan.steps.values()))))
    world.sync(running=True)  # what it sends is not what stays
    world.record()
    world.sync()
    here = gather(world.plan, world.outline, world.store)
    there = read_source("quickstart", world.uri)
    assert there == replace(here, records=here.newest())
    assert unpack(pack(there)) == there
    written = [build(source, tmp_path / str(k)) for k, source in enumerate((here, there))]
    contents = [{p.name: p.read_bytes() for p in one.files} for one in written]
    assert contents[0] == contents[1]


def test_the_report_and_the_outputs_are_artifacts_of_the_sweep(world: World, tmp_path: Path):
    from mlflow import MlflowClient

    world.record()
    final = next(s for s in world.plan.steps.values() if s.kind == "final")
    arrays = {"weights": {"w": np.zeros(3)}, "forget": {"logits": np.ones((2, 3))}}
    world.store.artefacts.save(final.unlearn_id, arrays)
    report = tmp_path / "report"
    (report / "figures").mkdir(parents=True)
    (report / "figures" / "a.svg").write_text("<svg/>")
    done = sync(world.plan, world.store, world.outline, None, report)
    assert done.notes == ()
    client = MlflowClient(tracking_uri=world.uri)
    names = {file.path for file in client.list_artifacts(done.run_id)}
    assert names == {"sweep.yaml", "plan.json", "records.parquet", "outputs.zip", "report"}
    figure = client.download_artifacts(done.run_id, "report/figures/a.svg", str(tmp_path))
    assert Path(figure).read_text() == "<svg/>"
    with zipfile.ZipFile(client.download_artifacts(done.run_id, "outputs.zip")) as archive:
        held = {name.rpartition("/")[2] for name in archive.namelist()}
    assert held == {"forget.safetensors", "manifest.json"}, "weights stay in the store"


def test_large_outputs_stay_in_the_store_and_the_summary_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.record()
    final = next(s for s in world.plan.steps.values() if s.kind == "final")
    world.store.artefacts.save(final.unlearn_id, {"forget": {"logits": np.ones((200, 300))}})
    monkeypatch.setattr("mubench.tracking.artifacts.LARGEST", 1000)
    assert "outputs are larger" in str(world.sync())


def test_a_dead_server_gives_one_line_that_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.record()
    for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP")]:
        monkeypatch.delenv(name)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
    before = dict(os.environ)
    with pytest.raises(TrackingError) as caught:
        sync(world.plan, world.store, world.outline, uri, None)
    address, _, advice = str(caught.value).partition("; ")
    assert re.fullmatch(rf"{re.escape(uri)}: \[Errno \d+\] Connection refused", address)
    assert advice == (
        "the records are safe in the store; run 'mubench mlflow sync quickstart' later"
    )
    assert dict(os.environ) == before


def test_a_sweep_that_mlflow_does_not_know_is_named(world: World):
    with pytest.raises(TrackingError, match="no sweep 'quickstart'"):
        read_source("quickstart", world.uri)


def test_the_default_address_is_in_the_store_or_below_mubench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert default_uri("runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri(f"file://{tmp_path}/runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri("s3://bucket/runs") == f"sqlite:///{tmp_path}/.mubench/mlflow.db"


def test_the_follower_syncs_while_the_sweep_runs_and_when_it_ends(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """The loop, in this process: standard input is a pipe, its line comes after the first pass."""
    steps = list(world.plan.steps.values())
    world.store.records.append(record_of(steps[0]))
    job = background.SyncJob(world.plan, world.store.uri, world.outline, None, False, 0.01, 0.01)
    path = tmp_path / "job"
    path.write_bytes(pickle.dumps(job))
    reading, writing = os.pipe()
    seen = []

    def one_pass(of: background.SyncJob) -> float:
        seen.append(real(of))
        seen.append(world.runs()["quickstart"].info.status)
        world.record()
        os.write(writing, b"null\n")
        return 0.0

    real = background._pass
    monkeypatch.setattr(background, "_pass", one_pass)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        background.follow(path)
    os.close(writing)
    assert seen[1] == "RUNNING"
    answer = json.loads(capsys.readouterr().out)
    assert not answer["error"]
    assert world.runs()["quickstart"].info.status == "FINISHED"


@pytest.mark.slow
def test_the_writer_is_a_process_whose_troubles_are_one_line(world: World):
    world.record()
    with Writer(world.plan, world.store, world.outline, None) as writer:
        assert "new" in writer.finish(None)
    assert world.runs()["quickstart"].info.status == "FINISHED"
    with (
        Writer(world.plan, world.store, world.outline, None) as writer,
        pytest.raises(TrackingError, match="not done after 0 s; the records are safe"),
    ):
        writer.finish(None, patience=0.01)
    with Writer(world.plan, world.store, world.outline, None) as writer:
        writer._process.kill()
        writer._process.wait()
        with pytest.raises(TrackingError, match="ended early"):
            writer.finish(None)


def test_importing_tracking_loads_no_mlflow_torch_or_ray():
    code = (
        "import sys, mubench.tracking.sync, mubench.tracking.background;"
        "import mubench.tracking.artifacts;"
        "print({'mlflow', 'torch', 'ray', 'optuna'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.slow
def test_mlflow_is_silent_even_when_it_lays_out_a_database(world: World, tmp_path: Path):
    world.record()
    world.database.unlink()
    plan = tmp_path / "plan"
    plan.write_bytes(pickle.dumps((world.plan, world.outline)))
    code = (
        "import pickle, sys; from mubench.tracking.sync import sync;"
        "from mubench.store.store import Store;"
        "plan, outline = pickle.load(open(sys.argv[1], 'rb'));"
        "sync(plan, Store(sys.argv[2]), outline, None, None)"
    )
    command = [sys.executable, "-c", code, str(plan), world.store.uri]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
