"""The private form of MLflow's saved views."""

import json

import pytest

from mubench.tracking.view_state import (
    bar_chart,
    charts_state,
    curve_chart,
    quoted,
    scatter_chart,
    table_state,
    view_link,
    view_tag,
)


def test_a_table_has_its_columns_in_order_and_sorts_ascending():
    state = table_state("tags.kind = 'row'", "gap", ["gap", "ua"], ["cell"])
    columns = ["metrics.`gap`", "metrics.`ua`", "tags.`cell`"]
    assert state["selectedColumns"] == columns
    assert state["columnOrder"] == ["attributes.`Run Name`", *columns]
    assert set(state["columnWidths"]) == {"attributes.`Run Name`", *columns[:2]}
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`gap`", True)
    assert state["searchFilter"] == "tags.kind = 'row'"


def test_all_charts_are_in_the_one_section_under_keys_of_their_own():
    charts = [bar_chart("gap"), bar_chart("ua"), scatter_chart("rte", "gap"), curve_chart("best")]
    state = charts_state("Compare", charts)
    [section] = state["compareRunSections"]
    assert section["name"] == "Compare"
    assert {chart["metricSectionId"] for chart in charts} == {section["uuid"]}
    assert len({chart["uuid"] for chart in charts}) == len(charts)
    assert [chart["type"] for chart in charts] == ["BAR", "BAR", "SCATTER", "LINE"]


def test_a_tag_has_the_state_as_text_inside_its_envelope():
    name, value = view_tag("key", "Title", {"a": [1]}, 1234)
    assert name == "mlflow.sharedViewState.key"
    envelope = json.loads(value)
    assert json.loads(envelope.pop("state")) == {"a": [1]}
    assert envelope == {"name": "Title", "createdAt": 1234, "updatedAt": 1234}
    assert "viewStateShareKey=key&" in view_link("7", "key")


@pytest.mark.parametrize(("text", "literal"), [("a/b", "'a/b'"), ("it's", '"it\'s"')])
def test_a_value_is_quoted_by_the_quote_that_it_lacks(text, literal):
    assert quoted(text) == literal
