"""Opening a sweep: ids, decoded data, data that nobody here has seen."""

import pytest
import yaml

from mubench.errors import DataError
from mubench.run.open_sweep import open_recorded, open_sweep
from mubench.run.tune.cluster import ClusterConfig
from mubench.run.tune.run_plan import run_plan
from tests.support.shapes import GROUP, shapes_sweep, write_shapes
from tests.support.sweep_world import write

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


def test_a_plan_before_decoding_says_that_it_does_not_know(tmp_path):
    write_shapes(tmp_path / "shapes")
    path = shapes_sweep(tmp_path, GROUP)
    before = open_sweep(path, str(tmp_path / "store"))
    assert before.plan.unknown_data == ("shapes",)
    known = open_sweep(path, str(tmp_path / "store"), decode=True)
    assert known.plan.unknown_data == ()
    assert open_sweep(path, str(tmp_path / "store")).plan.steps.keys() == known.plan.steps.keys()
    assert not known.plan.steps.keys() & before.plan.steps.keys()


def test_where_a_folder_lies_does_not_decide_ids(tmp_path):
    write_shapes(tmp_path / "shapes")
    here = open_sweep(shapes_sweep(tmp_path, GROUP), str(tmp_path / "store"), decode=True)
    (tmp_path / "moved").mkdir()
    (tmp_path / "shapes").rename(tmp_path / "moved" / "shapes")
    path = shapes_sweep(tmp_path, GROUP, data={"path": "moved/shapes"})
    there = open_sweep(path, str(tmp_path / "store"), decode=True)
    assert here.plan.steps.keys() == there.plan.steps.keys()


def test_two_folders_of_one_name_are_two_data_sets(tmp_path):
    """Their blocks differ by an option; neither may be taken for the other's."""
    write_shapes(tmp_path / "a" / "shapes")
    write_shapes(tmp_path / "b" / "shapes", dict.fromkeys(range(4), 80))
    path = shapes_sweep(tmp_path, GROUP)
    node = yaml.safe_load((tmp_path / "sweep.yaml").read_text())
    one = node["grid"]["dataset"][0]
    node["grid"]["dataset"] = [
        {**one, "path": "a/shapes"},
        {**one, "path": "b/shapes", "train_size": 200},
    ]
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(node))
    plan = open_sweep(path, str(tmp_path / "store"), decode=True).plan
    found = {step.training.dataset.label: set() for step in plan.steps.values()}
    for step in plan.steps.values():
        found[step.training.dataset.label].add(step.training.data_id)
    assert len(found) == 2
    assert all(len(ids) == 1 for ids in found.values())
    assert len(set.union(*found.values())) == 2


def test_a_run_on_data_that_nobody_here_has_seen_is_refused(tmp_path):
    write_shapes(tmp_path / "shapes")
    opened = open_sweep(shapes_sweep(tmp_path, GROUP), str(tmp_path / "store"))
    assert opened.plan.unknown_data == ("shapes",)
    cluster = ClusterConfig(address="ray://nowhere:1")
    with pytest.raises(DataError, match="its files are not on this machine, and nothing else says"):
        run_plan(opened.plan, opened.store, None, cluster=cluster)


GPUS = {kind: {"cpu": 1, "gpu": 1} for kind in ("train", "search", "final")}


@pytest.mark.parametrize(("ran_on", "shown"), [("cuda", "cuda"), ("cpu", "cpu"), (None, "cpu")])
def test_a_machine_without_a_gpu_shows_what_a_cluster_with_gpus_has_done(tmp_path, ran_on, shown):
    path, store = write(tmp_path / "tiny.yaml", resources=GPUS), str(tmp_path / "store")
    if ran_on is not None:
        open_sweep(path, store, device=ran_on).save()
    assert open_recorded(path, store).plan.device == shown
    assert open_recorded(path, store, device="cpu").plan.device == "cpu"


def test_a_sweep_that_changed_is_planned_for_this_machine(tmp_path):
    path, store = write(tmp_path / "tiny.yaml", resources=GPUS), str(tmp_path / "store")
    open_sweep(path, store, device="cuda").save()
    assert open_recorded(path, store, ["training.epochs=7"]).plan.device == "cpu"


@pytest.mark.parametrize(
    ("resources", "has_gpu", "device"),
    [(GPUS, True, "cuda"), (GPUS, False, "cpu"), ({}, True, "cpu")],
)
def test_a_sweep_runs_on_the_gpus_of_a_cluster_only_if_it_asks_for_them(
    tmp_path, resources, has_gpu, device
):
    path = write(tmp_path / "tiny.yaml", resources=resources)
    opened = open_sweep(path, str(tmp_path / "store"), has_gpu=has_gpu)
    assert opened.plan.device == device
