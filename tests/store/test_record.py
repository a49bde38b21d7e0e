"""Every field of a record is a column of its own."""

import dataclasses

from mubench.store.record import Record
from mubench.store.table import records_to_table
from tests.support.stored_records import record


def test_every_field_of_a_record_is_a_column_of_its_own():
    columns = set(records_to_table([record("1", metrics={"ua": 0.5})]).column_names)
    fields = {field.name for field in dataclasses.fields(Record)} - {"metrics"}
    assert columns == fields | {"metric_ua"}
