"""Stored outputs of related models."""

from dataclasses import replace

import pytest

from mubench.store.outputs import StoredOutputs
from mubench.store.results_files import read_results
from tests.support.stored_sweep import many, of

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_related_models_are_of_the_same_request_or_forget_set(tmp_path):
    store = many(tmp_path / "store", seeds=2)
    answers = StoredOutputs(store, read_results(store, "many").records)
    held = {r.id: r for r in answers.records}

    def keys(record, relation):
        return [r.id for r in answers.related(held[record])[relation]]

    assert keys("final-ga-1-0", "references") == ["retrain--1-0", "retrain--1-1"]
    assert keys("retrain--1-0", "references") == ["retrain--1-1"]
    assert keys("retrain--1-1", "retrained") == ["retrain--1-0"]
    assert keys("retrain--1-0", "retrained") == keys("retrain--1-0", "original") == []
    assert keys("final-ga-1-0", "original") == ["final-original-1-0"]
    assert keys("final-original-1-0", "original") == []
    assert keys("retrain--0-1", "replicates") == ["retrain--0-1", "retrain--1-1"]
    assert keys("retrain--0-1", "retrains") == ["retrain--0-0", "retrain--1-0"]
    assert len(keys("final-ga-0-0", "retrains")) == 4


def test_the_original_that_a_request_is_made_to_and_those_of_all_seeds(tmp_path):
    """Also of a Retrain, and of the original itself: their outputs are cut to the request."""
    store = many(tmp_path / "store", seeds=3)
    answers = StoredOutputs(store, read_results(store, "many").records)
    for record in answers.records:
        related = answers.related(record)
        assert [r.id for r in related["before"]] == [f"train--{record.seed_train}-0"]
        assert [r.id for r in related["originals"]] == [f"train--{k}-0" for k in range(3)]
        context = answers.context(record, related)
        assert context.before is context.originals[record.seed_train]
        expected = of(store, f"train--{record.seed_train}-0", "train").of_ids(
            context.target.forget.ids
        )
        assert (context.before.forget.logits == expected.logits).all()
    original = next(r for r in answers.records if r.row == "original")
    context = answers.context(original, answers.related(original))
    assert (context.target.forget.logits == context.before.forget.logits).all()


def test_a_target_is_one_of_its_replicates_and_run_times_come_from_records(tmp_path):
    store = many(tmp_path / "store", seeds=2)
    answers = StoredOutputs(
        store,
        [
            replace(r, metrics={**r.metrics, "rte_seconds": 1.5 + (r.kind == "retrain")})
            for r in read_results(store, "many").records
        ],
    )
    for record in answers.records:
        context = answers.context(record, answers.related(record))
        assert len(context.siblings) == 1
        assert context.seconds == 1.5 + (record.kind == "retrain")
        is_anchor = record.kind == "retrain" and record.replica == 0
        assert context.retrained_seconds == (None if is_anchor else 2.5)
