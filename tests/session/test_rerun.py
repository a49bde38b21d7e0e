"""Evidence that is added to a completed sweep: what runs, what it gives, and what is refused."""

import copy
from collections import Counter
from dataclasses import replace

import pytest

from mubench.errors import DataError, RunError
from mubench.run.open_sweep import open_sweep
from mubench.run.tune import run_plan as running
from mubench.session import rerun
from mubench.session.complete import Completed
from mubench.session.rerun import rerun_with
from mubench.store.results_files import read_results
from tests.support.called_sweep import forbidden, run_here
from tests.support.sweep_world import all_values, finish, write

pytestmark = pytest.mark.usefixtures("plain_environment")
SHORT = {"relearn": {"epochs": 1, "most_steps": 2, "few_steps": 2}}


@pytest.fixture
def ran(store, monkeypatch):
    """The records of the steps that run, in this process."""
    made = []

    def here(plan, opened, progress, **_):
        before = store.records.read().keys()
        summary = run_here(plan, opened, progress)
        made.extend(r for key, r in opened.records.read().items() if key not in before)
        return summary

    monkeypatch.setattr(running, "run_plan", here)
    return made


def artefacts(store):
    return {name: store.files.read(name) for name in store.files.list("artefacts")}


def test_nothing_but_final_steps_and_reported_retrains_runs(store, ran, tmp_path):
    before = artefacts(store)
    old = read_results(store, "tiny")
    rerun_with(old, ["relearn"], store, None)
    assert Counter(record.kind for record in ran) == {"final": 3, "retrain": 2}
    assert {record.purpose for record in ran} == {"final"}
    assert artefacts(store) == before, "outputs and weights are those of the sweep"
    new = read_results(store, "tiny")
    assert len(new.records) == 10
    assert {r.unlearn_id for r in new.records} == {r.unlearn_id for r in old.records}
    assert all("relearn_steps" in record.metrics for record in ran)
    asked = open_sweep(
        write(tmp_path / "asked.yaml", evidence=["relearn"]), str(tmp_path / "asked")
    )
    assert all_values({r.id: r for r in new.records}) == all_values(finish(asked))


def test_options_that_a_sweep_has_stay_and_what_it_has_does_not_run_again(
    store, ran, tmp_path, monkeypatch
):
    opened = open_sweep(write(tmp_path / "tiny.yaml", evidence=SHORT), store.uri)
    finish(opened)
    rerun_with(read_results(store, "tiny"), ["weights"], store, None)
    assert Counter(record.kind for record in ran) == {"final": 3, "retrain": 2}
    held = read_results(store, "tiny").document["evidence"]
    assert {name: held["relearn"][name] for name in SHORT["relearn"]} == SHORT["relearn"]
    assert all({"relearn_steps", "ua_int8"} <= r.metrics.keys() for r in ran)
    monkeypatch.setattr(running, "run_plan", forbidden)
    rerun_with(read_results(store, "tiny"), ["relearn", "weights"], store, None)


@pytest.mark.parametrize("block", ["relern", "attacks"])
def test_another_block_is_one_line(block, store, mubench_, monkeypatch):
    monkeypatch.setattr(running, "run_plan", forbidden)
    code, _, error = mubench_("score", "tiny", "--store", store.uri, "--rerun", block)
    assert code != 0
    assert error.splitlines() == [
        f"mubench: --rerun {block}: needs no weights, or is unknown; known: relearn, probe, weights"
    ]


@pytest.mark.usefixtures("cache_dir")
def test_a_sweep_whose_data_are_gone_is_one_line_and_stays_as_it_was(store, monkeypatch):
    monkeypatch.setattr(running, "run_plan", forbidden)
    source = read_results(store, "tiny")
    document = copy.deepcopy(dict(source.document))
    document["grid"]["dataset"] = ["cifar10"]
    before = {name: store.files.read(name) for name in store.files.list("sweeps")}
    with pytest.raises(DataError, match="cifar10") as caught:
        rerun_with(replace(source, document=document), ["relearn"], store, None)
    assert "\n" not in str(caught.value)
    assert {name: store.files.read(name) for name in store.files.list("sweeps")} == before


@pytest.mark.parametrize("how", [{"blocked": 2}, {"interrupted_by": 2}])
def test_evidence_that_is_not_complete_is_said(how, store, monkeypatch):
    source = read_results(store, "tiny")
    monkeypatch.setattr(rerun, "complete", lambda *_: Completed(None, source, **how))
    with pytest.raises(RunError, match="tiny: not all evidence was added; the same command"):
        rerun_with(source, ["relearn"], store, None)
