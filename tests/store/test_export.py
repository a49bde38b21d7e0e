"""An export has every record."""

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from mubench.store.store import Store

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_export_writes_every_record(mubench_, finished, tmp_path, suffix):
    target = tmp_path / f"records.{suffix}"
    code, out, _ = mubench_("store", "export", target, "--store", finished / "store")
    assert (code, out) == (0, f"10 records in {target}\n")
    table = pq.read_table(target) if suffix == "parquet" else csv.read_csv(target)
    records = Store(str(finished / "store")).records.read()
    gaps = dict(zip(table["id"].to_pylist(), table["metric_gap"].to_pylist(), strict=True))
    assert gaps == {key: record.metrics.get("gap") for key, record in records.items()}
