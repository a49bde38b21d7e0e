"""Columns of a table as cards write them."""

import pytest
from pydantic import ValidationError

from mubench.catalogue.features import Feature, features_of, row_in_words


def test_a_name_alone_is_a_column_of_numbers():
    job = {"name": "job", "kind": "categorical", "values": [0, 1], "has_missing": True}
    card = {"features": ["age", {"name": "hours", "has_missing": True}, job]}
    assert features_of(card) == (
        Feature(name="age"),
        Feature(name="hours", has_missing=True),
        Feature(name="job", kind="categorical", values=("0", "1"), has_missing=True),
    )
    assert [feature.width for feature in features_of(card)] == [1, 2, 3]
    assert features_of({}) == ()


@pytest.mark.parametrize(
    "entry", [{"name": "a", "values": ["x"]}, {"name": "a", "kind": "categorical"}]
)
def test_categories_are_of_categorical_columns_alone(entry):
    with pytest.raises(ValidationError, match="categories are needed, of a categorical column"):
        features_of({"features": [entry]})


def test_a_row_in_words():
    job = Feature(name="job", kind="categorical", values=("clerk", "nurse"))
    features = (Feature(name="age"), job, Feature(name="gain"))
    assert row_in_words(features, (39.0, 1.0, 1234.5678)) == "age 39, job nurse, gain 1234.57"
    words = "age missing, job (unknown to D_tr), gain 0.001"
    assert row_in_words(features, (float("nan"), -1, 1e-3)) == words
