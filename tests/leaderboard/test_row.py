"""Every row fits the schema, and references have no distance to themselves."""

import json

import jsonschema
import pytest

from mubench.leaderboard.row import BoardRow, schema_json
from tests.support.board import find, node_of
from tests.support.report_world import CELLS


def test_every_row_fits_the_schema(board_rows):
    schema = json.loads(schema_json())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for row in board_rows:
        validator.validate(node_of(row))


def test_a_retrain_has_no_distance_to_itself(board_rows):
    node = node_of(find(board_rows, CELLS[0], "retrain", ""))
    node["requests"][0]["retrain"] = {"ua": 0.3, "ra": 0.9, "ta": 0.94, "mia_svc": 0.3}
    node["requests"][0]["gap"] = 0.005
    with pytest.raises(ValueError, match="a Retrain's own gap must be 0"):
        BoardRow.model_validate(node)


def test_a_reference_has_one_row(board_rows):
    node = node_of(find(board_rows, CELLS[0], "original", "")) | {"row": "original[2]"}
    with pytest.raises(ValueError, match=r"a reference has one row, 'original'; got 'o"):
        BoardRow.model_validate(node)
