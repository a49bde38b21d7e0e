"""Sending twice, in parts, to a wiped server: the same runs."""

import math
import shutil
from pathlib import Path

import pytest

from mubench.store.scores import Score
from mubench.tracking import run_sync
from mubench.tracking.artifacts import read_source
from tests.support.tracked_world import OBJECTIVES, SHORT, World, record_of, shown, small_plan

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


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
                step.kind == "search" and getattr(step, "label", "") == "ft" and step.place < count
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
