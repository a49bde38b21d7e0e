"""Records as the page's drawer shows them."""

import json
import math

from mubench.report.drawer import records_node
from tests.support.report_world import record


def test_numbers_are_rounded_and_those_that_json_lacks_are_words():
    metrics = {"ua": 0.1234567891, "ra": math.nan, "ta": -math.inf, "n": 3.0}
    node = records_node("toy", [record(metrics=metrics)])
    assert node["id"]["metrics"] == {"n": 3.0, "ra": "nan", "ta": "-inf", "ua": 0.123457}
    assert json.loads(json.dumps(node, allow_nan=False)) == node


def test_empty_facts_are_left_out():
    node = records_node("toy", [record(id="0123456789abcdef", candidate=-1)])["0123456789abcdef"]
    assert not {"candidate", "flags"} & node["facts"].keys()
    assert all(node["facts"].values())
    assert node["command"] == "mubench reproduce 0123456789ab"


def test_a_candidate_has_its_number_and_budget():
    node = records_node("toy", [record(candidate=0, trials=4, flags=("a", "b"))])["id"]
    assert (node["facts"]["candidate"], node["facts"]["flags"]) == ("0 of 4", "a, b")


def test_params_may_be_of_any_type_and_records_are_in_the_order_of_ids():
    params = {"on": True, "alpha": -0.2, "name": "x", "list": (1, 2), "none": None}
    node = records_node("toy", [record(id="b", params=params, given={"on": True}), record(id="a")])
    assert list(node) == ["a", "b"]
    assert node["b"]["params"] == {**params, "list": "(1, 2)"}
    assert node["b"]["given"] == ["on"]
