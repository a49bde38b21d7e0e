"""What a step is given: groups, classes and held-out examples."""

import pytest

from mubench.run.open_sweep import open_sweep
from mubench.run.references import read_outputs
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from tests.support.shapes import COUNTS, GROUP, run, shapes_sweep, write_shapes
from tests.support.small_sweep import changed
from tests.support.workload import TINY, planned


def finals(records):
    return [record for record in records.values() if record.kind == "final"]


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_a_group_is_forgotten_from_a_folder_without_a_card(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened, records = run(tmp_path, GROUP)
    assert {record.status for record in records.values()} == {"ok"}
    assert opened.plan.cells == ("shapes/small_cnn/group",)
    workspace = Workspace(opened.store)
    for record in finals(records):
        step = opened.plan.steps[record.id]
        inputs = workspace.open(step)
        assert set(inputs.forget.groups.tolist()) == {0}
        assert 0 not in set(inputs.retain.groups.tolist())
        assert (
            record.n_forget
            == len(inputs.forget)
            == COUNTS[0]
            - sum(1 for g in inputs.holdout_splits["validation"].groups.tolist() if g == 0)
        )
        unlearned = read_outputs(inputs.view, step.retrain_id, "test")
        assert sorted(set(unlearned.groups.tolist())) == [0, 1, 2, 3]
        metrics = record.metrics
        # Test examples: 40 of each group. TA counts the 120 of other groups, class 0 has 2 left.
        assert metrics["ta_all"] == pytest.approx(
            (120 * metrics["ta"] + 40 * metrics["ta_forget_group"]) / 160
        )
        assert {"ta_adjacent", "ta_forget_group"} <= metrics.keys()
        assert "ta_forget_class" not in metrics


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_a_class_of_any_size_is_absent_from_test_accuracy(tmp_path):
    """B19 of the register: elsewhere classes leave the test set only if they have one size."""
    write_shapes(tmp_path / "shapes", {0: 150, 1: 37, 2: 80})
    forget = {"scenario": "class", "search_classes": ["square"], "final_classes": ["round"]}
    _, records = run(tmp_path, forget)
    for record in finals(records):
        assert record.forget_classes == (0,)
        assert record.metrics["ta_all"] == pytest.approx(
            (40 * record.metrics["ta"] + 80 * record.metrics["ta_forget_class"]) / 120
        )


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_a_share_of_the_groups_is_drawn(tmp_path):
    write_shapes(tmp_path / "shapes", dict.fromkeys(range(10), 20), test=5)
    opened, records = run(tmp_path, {"scenario": "group", "ratio": 0.3}, data={})
    assert opened.plan.cells == ("shapes/small_cnn/group-0.3",)
    workspace = Workspace(opened.store)
    for record in finals(records):
        assert record.status == "ok"
        step = opened.plan.steps[record.id]
        inputs = workspace.open(step)
        assert len(set(inputs.forget.groups.tolist())) == 3
        assert inputs.forget_classes == ()
        assert inputs.forget_groups == tuple(sorted(set(inputs.forget.groups.tolist())))


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_a_held_out_example_cannot_be_named(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened = open_sweep(shapes_sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    step = next(step for step in opened.plan.steps.values() if step.kind != "train")
    held = Workspace(opened.store).open(step).holdout_splits["validation"].ids[0].item()
    (tmp_path / "a.txt").write_text(str(held))
    (tmp_path / "b.txt").write_text(str(held + 1))
    _, records = run(
        tmp_path, {"scenario": "index", "search_files": "b.txt", "final_files": "a.txt"}
    )
    messages = {record.message for record in records.values() if record.status == "error"}
    assert any(f"example {held} is not in D_tr" in message for message in messages)


def test_every_retrain_has_initial_weights_and_batches_of_its_own(tmp_path):
    """The target is of the population of the noise floor, and none shares with the original."""
    plan = planned(changed(TINY, floor=2))
    workspace = Workspace(Store(str(tmp_path)))
    of_training: dict[tuple[str, int], list[int]] = {}
    for step in plan.steps.values():
        if step.kind in ("train", "retrain"):
            key = (step.training.purpose, step.training.seed)
            of_training.setdefault(key, []).append(workspace.open(step).seed)
    assert all(len(set(seeds)) == len(seeds) for seeds in of_training.values())
    # An original, its target and two more.
    assert sorted(map(len, of_training.values())) == [2, 4, 4]
