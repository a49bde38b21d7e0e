"""A server or a stranger's database does not decide where files of this machine are written."""

import pytest

from mubench.errors import TrackingError
from mubench.tracking.client import artifact_location, connect, sqlite_uri

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_files_of_runs_go_to_our_own_folder_and_nowhere_else(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "plan.json").write_text("precious")
    (tmp_path / "plan.json").write_text("new")
    uri = sqlite_uri(tmp_path / "store" / "mlflow.db")
    (tmp_path / "store").mkdir()
    with connect(uri) as client:
        own = client.create_experiment("own", artifact_location=artifact_location(uri))
        run = client.create_run(own).info.run_id
        client.log_artifact(run, str(tmp_path / "plan.json"))
        assert [one.path for one in client.list_artifacts(run)] == ["plan.json"]
    for number, foreign in enumerate(
        (victim.as_uri(), str(victim), f"{artifact_location(uri)}/..")
    ):
        with connect(uri) as client:
            odd = client.create_experiment(f"odd {number}", artifact_location=foreign)
            run = client.create_run(odd).info.run_id
        for work in (
            lambda client, run=run: client.log_artifact(run, str(tmp_path / "plan.json")),
            lambda client, run=run: client.list_artifacts(run),
            lambda client, run=run: client.download_artifacts(run, "plan.json", str(tmp_path)),
        ):
            with (
                pytest.raises(TrackingError, match="and nothing is written or read there"),
                connect(uri) as client,
            ):
                work(client)
    assert (victim / "plan.json").read_text() == "precious"
    assert [path.name for path in victim.iterdir()] == ["plan.json"]
