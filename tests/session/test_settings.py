"""Where a sweep runs, and where its results go."""

from pathlib import Path

import pytest

from mubench.run.tune import cluster
from mubench.run.tune.cluster import ClusterConfig
from mubench.session.settings import Settings, report_folder


def test_a_report_goes_to_its_own_folder_unless_another_is_given():
    assert report_folder(None, "tiny") == Path("reports/tiny")
    assert report_folder(Path("out"), "tiny") == Path("out")


def test_settings_are_a_place_where_steps_run():
    assert Settings(cpus=2, gpus=0).cluster == ClusterConfig(None, 2, 0, False)
    assert Settings(address="auto", wait=True).cluster == ClusterConfig("auto", None, None, True)


@pytest.mark.parametrize("answer", [True, False])
def test_a_cluster_is_asked_for_its_gpu_only_where_nobody_says_the_device(monkeypatch, answer):
    asked = []
    monkeypatch.setattr(cluster, "has_gpu", lambda at: asked.append(at) or answer)
    assert Settings().has_gpu(None) is None
    assert Settings(address="auto").has_gpu("cpu") is None
    assert asked == []
    assert Settings(address="auto").has_gpu(None) is answer
    assert asked == [ClusterConfig("auto")]
