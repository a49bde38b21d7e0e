"""The page of a data set: whole, and text stays text."""

import pyarrow as pa
import pytest

from mubench.report.data_page import data_page
from mubench.run.data_summary import summarise
from tests.support.own_files import declared, write_table

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_a_page_escapes_what_data_say(tmp_path):
    words = [f"<script>alert({i})</script>" for i in range(10)] * 2
    table = pa.table({"text": words, "label": ["<b>", "a"] * 10})
    write_table(tmp_path / "d" / "train.parquet", table)
    spec = declared(tmp_path / "d")
    page = data_page(summarise(spec.card, spec.options))
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(3)&lt;/script&gt;" in page
    assert "10 of 10 groups" in page
    assert page == data_page(summarise(spec.card, spec.options))
