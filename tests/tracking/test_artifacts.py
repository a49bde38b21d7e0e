"""The report and its outputs as artifacts, and back."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mubench.errors import TrackingError
from mubench.report.build import build
from mubench.store.results_files import current_results, pack, unpack
from mubench.tracking.artifacts import read_source
from mubench.tracking.sync import sync
from tests.support.tracked_world import World, record_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_a_report_from_mlflow_has_the_bytes_of_one_from_the_store(world: World, tmp_path: Path):
    world.store.records.append(record_of(next(iter(world.plan.steps.values()))))
    world.sync(running=True)  # what it sends is not what stays
    world.record()
    world.sync()
    here = current_results(world.plan, world.outline, world.store)
    there = read_source("quickstart", world.uri)
    assert there == replace(here, records=here.latest_records)
    assert unpack(pack(there), "here") == there
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


def test_a_sweep_that_mlflow_does_not_know_is_named(world: World):
    with pytest.raises(TrackingError, match="no sweep 'quickstart'"):
        read_source("quickstart", world.uri)
