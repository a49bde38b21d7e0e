"""Evidence of steps: of models in memory, of kept weights, and of models that are made again."""

from pathlib import Path

import pytest

from mubench.run import trial
from mubench.run.evidence import REMADE
from mubench.run.open_sweep import open_sweep
from tests.support.sweep_world import finish, values, write

BLOCKS = {"relearn": {"epochs": 1, "most_steps": 4}, "probe": {}, "weights": {}}


def run(folder: Path, **changes):
    """The records of the reported models, by row, selection and replica."""
    opened = open_sweep(write(folder / "tiny.yaml", **changes), str(folder / "store"))
    finish(opened)
    return {
        (r.row or "retrain", r.selection, r.replica): r
        for r in opened.source.latest_records
        if r.purpose == "final" and r.kind in ("final", "retrain")
    }


def evidence_flags(record):
    """Those that no attack raises on so small a model."""
    return [flag for flag in record.flags if "attack" not in flag]


def shown(records):
    return {key: values(record) for key, record in records.items()}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    """Run with evidence from the beginning."""
    return run(tmp_path_factory.mktemp("once"), evidence=BLOCKS, controls=["sham"])


def test_every_reported_model_has_every_block(at_once):
    assert {key[0] for key in at_once} == {"retrain", "original", "ga", "sham"}
    for key, record in at_once.items():
        assert (record.status, evidence_flags(record)) == ("ok", []), key
        assert {"relearn_steps", "probe_last", "ua_int8", "l2_original"} <= record.metrics.keys()
        assert ("l2_retrain" in record.metrics) is (key != ("retrain", "", 0))


def test_the_original_is_itself_and_relearns_nothing(at_once):
    found = at_once["original", "", 0].metrics
    assert found["l2_original"] == 0
    assert found["cka_original"] == pytest.approx(1)
    assert found["relearn_steps"] == 0


@pytest.mark.parametrize("keep", ["outputs", "weights"])
def test_evidence_that_is_added_later_is_the_same(tmp_path, at_once, keep):
    """Weights are read, or made again: outputs are not."""
    first = run(tmp_path, controls=["sham"], store={"keep": keep})
    later = run(tmp_path, controls=["sham"], store={"keep": keep}, evidence=BLOCKS)
    assert shown(later) == shown(at_once)
    for key, record in first.items():
        assert later[key].unlearn_id == record.unlearn_id
        assert record.metrics.keys() <= later[key].metrics.keys()


def test_kept_weights_need_no_second_run(tmp_path, monkeypatch):
    run(tmp_path, store={"keep": "weights"})
    monkeypatch.setattr(trial, "unlearn", None)
    later = run(tmp_path, store={"keep": "weights"}, evidence=["weights"])
    assert {record.status for record in later.values()} == {"ok"}


def test_a_model_that_cannot_be_made_again_as_it_was_says_so(tmp_path, monkeypatch):
    run(tmp_path)
    real = trial.unlearn

    def otherwise(inputs, row, candidate):
        found = real(inputs, row, candidate)
        found.model.classifier.bias.data += 1e-3
        return found

    monkeypatch.setattr(trial, "unlearn", otherwise)
    later = run(tmp_path, evidence=["weights"])
    assert all(REMADE in r.flags for k, r in later.items() if k[0] == "ga")
    assert not any(REMADE in r.flags for k, r in later.items() if k[0] != "ga")


def test_a_model_that_diverged_is_not_examined(tmp_path):
    rows = {"ga": {"learning_rate": 1e12}}
    found = run(tmp_path, methods=rows, evidence=["weights"])
    diverged = [r for r in found.values() if r.status == "diverged"]
    assert diverged
    assert all("no evidence: it diverged" in r.flags for r in diverged)
    assert not any("ua_int8" in r.metrics for r in diverged)
