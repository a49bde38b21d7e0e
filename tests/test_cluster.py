"""Sweeps on several nodes: real raylets on this machine, which die and are joined by others."""

import sys
import time

import pytest
import ray
from ray import cloudpickle
from ray.cluster_utils import Cluster

from mubench.errors import RunError
from mubench.run.open_sweep import open_sweep
from mubench.run.tune.cluster import ClusterConfig
from mubench.run.tune.run_plan import run_plan
from tests.support.noop_worker import NoopWorker
from tests.support.quiet_progress import Quiet
from tests.support.sweep_world import all_values, finish, write

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find this file


@pytest.fixture
def three_nodes():
    """A head without CPUs and two nodes with one each."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def opened_in(folder, **changes):
    return open_sweep(write(folder / "tiny.yaml", **changes), str(folder / "store"))


def nodes_of(records):
    return {record.metrics["node"] for record in records.values()}


class Where(NoopWorker):
    """Does nothing for a while, and leaves a note of its node."""

    seconds = 1.0

    def run_step(self, ready):
        time.sleep(self.seconds)
        node = int(ray.get_runtime_context().get_node_id()[:8], 16)
        record = super().run_step(ready)
        return record.__class__(**{**record.__dict__, "metrics": {**record.metrics, "node": node}})


def test_a_sweep_on_three_nodes_has_the_values_of_one_process(three_nodes, tmp_path):
    (tmp_path / "cluster").mkdir()
    (tmp_path / "alone").mkdir()
    opened = opened_in(tmp_path / "cluster")
    config = ClusterConfig(address=three_nodes.address)
    summary = run_plan(opened.plan, opened.store, Quiet(), cluster=config)
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert all_values(summary.records) == all_values(finish(opened_in(tmp_path / "alone")))


def test_a_node_dies_and_another_joins_in_the_middle_of_a_sweep(three_nodes, tmp_path):
    opened = opened_in(tmp_path, methods={"ga": {}, "ft": {}}, search={"trials": 12, "lag": 4})

    class Changing(Quiet):
        records = 0

        def finished(self, record, schedule):
            self.records += 1
            if self.records == 10:
                gone = three_nodes.list_all_nodes()[-1]
                three_nodes.remove_node(gone, allow_graceful=False)
                three_nodes.add_node(num_cpus=1)

    config = ClusterConfig(address=three_nodes.address)
    summary = run_plan(opened.plan, opened.store, Changing(), cluster=config, worker=Where)
    assert summary.records.keys() == opened.plan.steps.keys()
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert len(nodes_of(summary.records)) == 3


def test_a_step_that_fits_no_node_is_refused_before_anything_runs(three_nodes, tmp_path):
    opened = opened_in(tmp_path, resources={"search": {"cpu": 3}})
    config = ClusterConfig(address=three_nodes.address)
    with pytest.raises(RunError, match=r"^a search step needs 3 CPU, and no node has as much"):
        run_plan(opened.plan, opened.store, Quiet(), cluster=config)
    assert not opened.store.records.read()


def test_with_wait_a_sweep_goes_on_when_the_node_comes(three_nodes, tmp_path):
    opened = opened_in(tmp_path, resources={"search": {"cpu": 2}})

    class Growing(Quiet):
        looks = 0

        def looked(self, busy, workers):
            self.looks += 1
            if self.looks == 5:
                three_nodes.add_node(num_cpus=2)

    config = ClusterConfig(address=three_nodes.address, wait=True)
    summary = run_plan(opened.plan, opened.store, Growing(), cluster=config, worker=NoopWorker)
    assert {record.status for record in summary.records.values()} == {"ok"}
