"""The recipe of a sweep is the card's with its changes."""

import pytest

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.sweep import load as load_of_spec
from tests.support.small_sweep import changed

WRITTEN = """
name: small
grid:
  dataset: digits
  model: small_cnn
  forget:
    - {scenario: random, ratio: [0.1, 0.2]}
    - scenario: class
      search_classes: [1]
      final_classes: [0]
methods:
  ft:
    - {label: a}
    - {label: b, epochs: 3}
search: {trials: 2}
seeds: {final: {train: [0], forget: [0]}}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[0.1, 0.2]", "[0.1, 2]", ":7:26: grid.forget[0].ratio: must be below 1.0; got 2"),
        (
            "final_classes: [0]",
            "final_classes: [x]",
            ":6:3: grid.forget.final_classes: class 'x' does not exist",
        ),
        ("search_classes: [1]", "search_classes: []", ":9:7: grid.forget[1].search_classes: an "),
        ("search_classes", "search_clases", ":9:7: grid.forget[1].search_clases: unknown key"),
        ("digits", "digit", ":4:3: grid.dataset: unknown data set 'digit'"),
        ("epochs: 3", "epochs: x", ":12:3: methods.ft.epochs: a whole number is needed; got 'x'"),
        ("{trials: 2}", "{trials: none}", ":15:10: search.trials: a whole number is needed"),
        ("methods:", "claims: []\nmethod:", ":12:1: method: unknown key; did you mean 'methods'"),
    ],
)
def test_an_error_says_line_and_column(old, new, expected, tmp_path):
    assert old in WRITTEN
    path = tmp_path / "sweep.yaml"
    path.write_text(WRITTEN.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_of_spec.load(str(path))
    assert str(caught.value).startswith(f"{path}{expected}")


@pytest.mark.parametrize("number", ["1e-3", "1.e-3", "1E-3", "+1e-03", ".1e-2", "0.001"])
def test_a_number_with_an_exponent_is_a_number(number, tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(WRITTEN.replace("epochs: 3", f"learning_rate: {number}"))
    assert load_of_spec.load(str(path)).spec.rows[1].given == {"learning_rate": 0.001}


def test_a_word_in_quotes_is_no_number(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(WRITTEN.replace("epochs: 3", "learning_rate: '1e-3'"))
    with pytest.raises(InputError, match="a number is needed; got '1e-3'"):
        load_of_spec.load(str(path))


def test_a_recipe_is_the_cards_with_the_changes_of_the_sweep(sweep):
    recipe = load_of_spec.parse(changed(sweep, training={"epochs": 2}), "x").recipe(
        "digits", "small_cnn"
    )
    card = cards.model("small_cnn").recipe
    assert recipe.epochs == 2
    assert recipe.learning_rate == card["learning_rate"]
