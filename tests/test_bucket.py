"""Whole sweeps whose store is a bucket of a real S3 server."""

import subprocess
import sys

import pytest

from mubench.run.open_sweep import open_sweep
from mubench.store.store import Store
from tests.support.command_line import only_line
from tests.support.sweep_world import all_values, finish, write

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def begin(sweep, uri, folder):
    command = [sys.executable, "-m", "mubench", "run", sweep, "--no-mlflow", "--store", uri]
    return subprocess.Popen(
        [*command, "--out", str(folder / "report")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_of(run):
    """Exit code and errors of a run."""
    errors = run.communicate(timeout=240)[1]
    return run.returncode, errors


def test_of_two_sweeps_at_once_one_runs_and_the_other_is_told_to_wait(s3_uri, tmp_path):
    """And both find in a bucket what one process finds in a folder."""
    first = write(tmp_path / "first.yaml", name="first")
    second = write(tmp_path / "second.yaml", name="second", methods={"ft": {}})
    runs = begin(first, s3_uri, tmp_path)
    while not (done := Store(s3_uri).records.read()):
        assert runs.poll() is None, runs.communicate()
    code, errors = end_of(begin(second, s3_uri, tmp_path))
    assert code == 1
    assert only_line(errors).startswith(f"mubench: {s3_uri}: in use by sweep 'first' (process ")
    assert end_of(runs) == (0, "")
    kept = Store(s3_uri).records.read()
    assert kept.keys() >= done.keys()
    assert end_of(begin(second, s3_uri, tmp_path)) == (0, "")
    found = Store(s3_uri).records.read()
    assert {record.status for record in found.values()} == {"ok"}
    assert {key: found[key].created for key in kept} == {k: r.created for k, r in kept.items()}
    alone = finish(open_sweep(first, str(tmp_path / "alone")))
    alone |= finish(open_sweep(second, str(tmp_path / "alone")))
    assert all_values(found) == all_values(alone)
