"""Records survive a table and Parquet."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.errors import is_one_line
from mubench.store import records as records_module
from mubench.store.record import Record
from mubench.store.table import record_from_json, record_to_json, records_to_table, table_to_records
from tests.support.report_world import world
from tests.support.stored_records import record


def test_the_oldest_record_and_the_newest_live_in_one_table():
    """A row of a schema that had fewer columns, in a table with newer ones."""
    whole = records_to_table(world().records[:2])
    old = records_to_table(world().records[2:3]).drop_columns(["replica", "flags", "versions"])
    table = pa.concat_tables([whole, old], promote_options="default")
    held = table_to_records(table)
    assert held[:2] == world().records[:2]
    assert (held[2].replica, held[2].flags, held[2].versions) == (0, (), {})
    assert held[2].metrics == world().records[2].metrics


TEXT = st.text(max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    TEXT,
)
NAME = TEXT.filter(is_one_line)
WHOLE = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.builds(
    Record,
    id=st.text("0123456789abcdef", min_size=1, max_size=8),
    unlearn_id=NAME,
    kind=st.sampled_from(["train", "retrain", "search", "final"]),
    status=st.sampled_from(["ok", "diverged", "refused", "out_of_memory", "timed_out", "error"]),
    message=TEXT,
    dataset=NAME,
    model=NAME,
    scenario=NAME,
    cell=NAME,
    request=NAME,
    purpose=st.sampled_from(["search", "final", ""]),
    seed_train=WHOLE,
    seed_forget=WHOLE,
    forget_classes=st.lists(WHOLE, max_size=3).map(tuple),
    method=NAME,
    row=NAME,
    selection=st.sampled_from(["default", "tuned", ""]),
    params=st.dictionaries(TEXT, SCALARS, max_size=4),
    given=st.dictionaries(TEXT, SCALARS, max_size=4),
    repeat=WHOLE,
    round=WHOLE,
    place=WHOLE,
    candidate=WHOLE,
    metrics=st.dictionaries(NAME, st.floats(allow_nan=False), max_size=4),
    flags=st.lists(NAME, max_size=3).map(tuple),
    created=NAME,
    seconds=st.floats(allow_nan=False),
    exclusive=st.booleans(),
    versions=st.dictionaries(TEXT, TEXT, max_size=3),
    traceback=TEXT,
)


@settings(max_examples=60)
@given(st.lists(RECORDS, max_size=4))
def test_records_survive_a_table_and_parquet(rows):
    content = records_module._bytes(records_to_table(rows))
    table = pq.read_table(io.BytesIO(content))
    assert table_to_records(table) == tuple(rows)


@settings(max_examples=60)
@given(RECORDS)
def test_a_record_survives_the_way_from_a_worker(row):
    assert record_from_json(record_to_json(row)) == row


def test_nan_and_infinite_metrics_stay_what_they_are_and_absent_ones_absent():
    values = {"a": float("nan"), "b": float("inf"), "c": -0.0}
    rows = [record("1", metrics=values), record("2", metrics={"d": 1.0})]
    first, second = table_to_records(records_to_table(rows))
    assert np.isnan(first.metrics["a"])
    assert first.metrics["b"] == float("inf")
    assert set(first.metrics) == {"a", "b", "c"}
    assert second.metrics == {"d": 1.0}
