"""A wrong field of a row is named with its file."""

import copy
import json

import jsonschema
import pytest

from mubench.leaderboard.row import schema_json
from tests.support.board import find, node_of, put
from tests.support.report_world import CELLS


def at(node, path):
    *parents, last = path
    for part in parents:
        node = node[part]
    return node, last


MISTAKES = {
    ("requests", 2, "ua"): (1.3, "requests.2.ua: 1.3 is not a fraction in [0, 1]"),
    ("requests", 0, "ta"): ("x", "requests.0.ta: a number is needed; got 'x'"),
    ("requests", 1, "seed_train"): ("1", "requests.1.seed_train: a whole number is needed; got"),
    ("requests", 1, "rte_seconds"): (-1.0, "requests.1.rte_seconds: must be at least 0"),
    ("requests", 0, "retrain"): ({}, "requests.0.retrain: shares none of ua, mia_svc, ra and ta"),
    ("requests",): ("x", "requests: a list is needed; got 'x'"),
    ("selection",): ("best", "selection: 'tuned', 'default' or '' is needed; got 'best'"),
    ("tuning", "trials"): (0, "tuning.trials: must be at least 1; got 0"),
    ("format",): ("1", "format: 1 is needed; got '1'"),
    ("fromat",): (1, "fromat: unknown key; did you mean 'format'?"),
    ("params",): ([], "params: a mapping is needed; got []"),
}
"""What the schema refuses too."""

CONTRADICTIONS = {
    ("requests", 1, "gap"): (0.3, "requests.1.gap: 0.3 is stated, but the values and Retrain's"),
    ("requests", 1, "name"): (f"{CELLS[1]}/0", f"requests: '{CELLS[1]}/0' is listed 2 times"),
    ("expected",): (2, "expected: 2 requests, but the row has 3"),
    ("cell",): ("other", "cell: 'other' is not dataset/model/scenario of this row"),
    ("method",): ("ga", "row: 'ft' is neither the method nor the method with brackets"),
    ("selection",): ("", "selection: that of 'ft' must be tuned or default; got ''"),
    ("tuning",): (None, "tuning: required for a tuned row, and allowed for no other"),
    ("conditions", 0, "created"): ("2026-02-03", "conditions.0.created: '2026-02-03' is not an"),
    ("params", "lr"): ([1], "params.lr: a number, a string, true, false or null is needed"),
    ("params", "x"): (
        float("inf"),
        "params: contains a number that is not finite, or text that is not Unicode",
    ),
    ("params", "y"): (
        "\ud800",
        "text that is not Unicode (half of a surrogate pair)",
    ),
    ("requests", 0, "replicas"): ([{"ua": 0.1}], "requests: only Retrain's row has replicas"),
    ("source",): (1, "source: a string is needed; got 1"),
    ("requests", 0, "ra"): (float("nan"), "requests.0.ra: nan is not a fraction in [0, 1]"),
    ("requests", 2, "gap"): (float("inf"), "requests.2.gap: inf is not a fraction in [0, 1]"),
}


@pytest.mark.parametrize(
    ("path", "value", "words", "in_schema"),
    [(path, *held, True) for path, held in MISTAKES.items()]
    + [(path, *held, False) for path, held in CONTRADICTIONS.items()],
)
def test_a_wrong_row_names_its_file_and_field(
    board_rows, tmp_path, mubench_, path, value, words, in_schema
):
    row = find(board_rows, CELLS[1], "ft", "tuned")
    node = copy.deepcopy(node_of(row))
    place, last = at(node, path)
    place[last] = value
    file = put(tmp_path, row, node)
    code, out, _ = mubench_("leaderboard", "check", file)
    assert code == 2
    assert f"{file}: {words}" in out
    assert "1 row, 1 problem" in out
    if in_schema and path[-1] != "retrain":
        assert not jsonschema.Draft202012Validator(json.loads(schema_json())).is_valid(node)
