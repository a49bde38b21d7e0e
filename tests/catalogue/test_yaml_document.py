"""YAML with places: errors say line and column, `set` changes a value."""

import pytest
import yaml

from mubench.catalogue.yaml_document import Document, read_yaml
from mubench.errors import InputError

TEXT = """search:
  trials: 8
grid:
  - model: [a, b]
    forget: {ratio: 0.1}
"""


def test_a_document_is_what_yaml_reads():
    assert Document(TEXT, "x").value == yaml.safe_load(TEXT)
    assert read_yaml("", "x") is None


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "+1.e-3", ".1e-2", "0.001"])
def test_exponents_are_numbers_as_in_yaml_1_2(text):
    assert read_yaml(text, "x") == 1e-3


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("search", "1:1"),
        ("search.trials", "2:3"),
        ("search.missing", "1:1"),
        ("grid[0].model[1]", "4:16"),
        ("search[0].trials", "2:3"),  # one entry need not be in a list
        ("grid[0].forget.ratio", "5:14"),
        ("grid[7]", "3:1"),
    ],
)
def test_an_error_begins_with_the_place_that_its_key_path_leads_to(path, place):
    error = Document(TEXT, "x.yaml").error(f"{path}: wrong")
    assert str(error) == f"x.yaml:{place}: {path}: wrong"


def test_an_error_of_no_key_in_the_text_begins_with_the_file():
    assert str(Document(TEXT, "x.yaml").error("name: missing")) == "x.yaml: name: missing"


@pytest.mark.parametrize(
    ("text", "place"), [("a: 1\na: 2", "x:2:1"), ("a: [1", "x:1:6"), ("a: 2024-13-01", "x")]
)
def test_what_cannot_be_read_is_one_line_with_its_place(text, place):
    with pytest.raises(InputError) as caught:
        Document(text, "x")
    assert str(caught.value).startswith(f"{place}: ")
    assert "\n" not in str(caught.value)


def test_a_value_is_set_by_its_key_path_and_errors_say_so():
    document = Document(TEXT, "x.yaml")
    document.set("search.trials=[1, 2]")
    document.set("limits.search=3")
    assert document.value["search"] == {"trials": [1, 2]}
    assert document.value["limits"] == {"search": 3}
    error = document.error("search.trials[0]: wrong")
    assert str(error) == "--set search.trials=[1, 2]: search.trials[0]: wrong"
    assert str(document.error("grid: wrong")) == "x.yaml:3:1: grid: wrong"


@pytest.mark.parametrize("assignment", ["search.trials", "search.trials.more=1"])
def test_a_value_that_cannot_be_set_is_an_error(assignment):
    with pytest.raises(InputError, match=f"^--set {assignment}: "):
        Document(TEXT, "x").set(assignment)


def test_a_document_that_must_be_a_mapping_says_what_it_should_be():
    assert Document(TEXT, "x").mapping("a card") == yaml.safe_load(TEXT)
    with pytest.raises(InputError, match=r"^x: a card is a mapping$"):
        Document("[1]", "x").mapping("a card is a mapping")
