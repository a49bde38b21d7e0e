"""Scores survive the store."""

import pytest

from mubench.errors import IntegrityError
from mubench.store.scores import Score
from mubench.store.store import Store
from tests.support.report_world import record

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_scores_survive_the_store_and_the_newest_of_two_codes_counts(tmp_path):
    store = Store(str(tmp_path / "store"))
    one = {"b": Score(0.1, "in", "2026-02-01"), "a": Score(-1e-300, "in", "2026-02-03")}
    store.scores.write("odd", "code1", one)
    assert store.scores.read("odd", "code1") == one
    assert store.scores.read("odd", "code2") == {}
    store.scores.write("odd", "code0", {key: Score(7.0, "", "2026-02-02") for key in "ab"})
    records = {key: record(id=key, metrics={"ua": 0.5, "odd": 3.0}) for key in "abc"}
    merged = store.scores.add_to(records)
    assert {key: r.metrics["odd"] for key, r in merged.items()} == {"a": -1e-300, "b": 7.0, "c": 3}
    assert merged["c"] is records["c"]
    assert merged["a"].metrics["ua"] == 0.5
    store.files.write("scores/odd/code1.parquet", b"no table")
    with pytest.raises(IntegrityError, match=r"code1\.parquet: damaged: no checksum in it; set"):
        store.scores.add_to(records)
