"""Stored outputs of related models."""

import pytest

from mubench.store.outputs import StoredOutputs
from mubench.store.results_files import read_results
from tests.support.stored_sweep import many

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
