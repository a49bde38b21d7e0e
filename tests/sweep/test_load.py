"""Sweep files: found, read, overridden, and refused in one line."""

import pytest
import yaml

from mubench.catalogue import cards
from mubench.cli import listing
from mubench.errors import InputError
from mubench.sweep import load
from mubench.sweep import load as load_of_spec
from mubench.sweep.planner import make_plan


def test_sweeps_of_the_paper_are_found_and_listed_by_name():
    path = cards.search_spaces() / "paper" / "cifar10_class.yaml"
    assert load.find("paper/cifar10_class") == load.find("cifar10_class") == path
    entries = {entry["name"]: entry for entry in listing.entries("sweeps")}
    assert entries["paper/cifar10_class"]["title"] == "cifar10_class"
    assert entries.keys() == set(load.shipped_sweeps())
    with pytest.raises(InputError) as caught:
        load.find("paper/cifar10_clas")
    assert str(caught.value) == (
        "paper/cifar10_clas: no such sweep; did you mean 'paper/cifar10_class'?"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", ":1:8: not YAML: while parsing a flow node"),
        ("", ": a sweep file is a mapping with name, grid and methods"),
        ("- 1", ": a sweep file is a mapping with name, grid and methods"),
        ("a: 1\nmethods: {ft: {}, ft: {}}", ":2:19: the key 'ft' is listed twice; remove one"),
        ("name: 2024-13-45", ": not YAML: month must be in 1..12"),
        ("!!python/object/apply:os.system [ls]", ":1:1: could not determine a constructor"),
    ],
)
def test_text_that_is_no_sweep_is_one_line(text, expected, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_of_spec.load(str(path))
    assert str(caught.value).startswith(f"{path}{expected}")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_one_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.yaml: not readable as text: "):
        load_of_spec.load(str(path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quikstart", "quikstart: no such sweep; did you mean 'quickstart'?"),
        ("nowhere/x.yaml", "nowhere/x.yaml: no such sweep file"),
        ("methods/ft.yaml", "methods/ft.yaml: no such sweep file"),
    ],
)
def test_a_sweep_that_is_not_there_is_one_line(name, expected):
    with pytest.raises(InputError) as caught:
        load_of_spec.load(name)
    assert str(caught.value) == expected


@pytest.fixture
def path(sweep, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(sweep))
    return str(path)


def test_overrides_replace_values_and_add_keys(path):
    loaded = load_of_spec.load(
        path,
        [
            "search.trials=5",
            "seeds.final.train=[7, 8]",
            "methods.ft.epochs=2",
            "precision=bfloat16",
        ],
    ).spec
    assert loaded.search.trials == 5
    assert loaded.seeds.final.train == (7, 8)
    assert loaded.rows[0].given == {"epochs": 2}
    assert loaded.precision == "bfloat16"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("search.trials", "--set search.trials: write key.path=value"),
        ("search.trials=[", "--set search.trials=[:1:2: not YAML: "),
        ("name.x.y=1", "--set name.x.y=1: 'name' is not a mapping"),
        ("search.trails=1", "--set search.trails=1: search.trails: unknown key"),
        ("search.trials=0", "--set search.trials=0: search.trials: must be at least 1; got 0"),
    ],
)
def test_a_bad_override_is_one_line(path, override, expected):
    with pytest.raises(InputError) as caught:
        load_of_spec.load(path, [override])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [name for name in load_of_spec.shipped_sweeps() if "/" not in name]
)
def test_every_sweep_that_ships_is_valid_and_plans(name):
    loaded = load_of_spec.load(name)
    assert loaded.spec.name == name
    assert make_plan(loaded.spec).steps


def test_the_sweep_keeps_its_text(path):
    loaded = load_of_spec.load(path)
    assert yaml.safe_load(loaded.text)["name"] == "small"
    assert str(loaded.path) == path
