"""Search spaces: what is sampled lies inside and is found again."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mubench.catalogue import cards
from mubench.catalogue.range_syntax import parse_range
from mubench.catalogue.ranges import Choice, Fixed, Integers, Interval, Negate
from mubench.catalogue.search_space import Param, Space

WORDS = st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.none())
NUMBERS = st.floats(-1e6, 1e6)


@dataclass
class Drawn:
    """Draws from numpy, and notes the draws."""

    rng: np.random.Generator

    def __post_init__(self):
        self.raw = {}

    def note(self, name, value):
        assert name not in self.raw
        self.raw[name] = value
        return value

    def uniform(self, name, low, high):
        return self.note(name, float(self.rng.uniform(low, high)))

    def log(self, name, low, high):
        value = math.exp(self.rng.uniform(math.log(low), math.log(high)))
        return self.note(name, min(max(value, low), high))

    def integer(self, name, low, high):
        return self.note(name, int(self.rng.integers(low, high, endpoint=True)))

    def choice(self, name, options):
        return self.note(name, options[int(self.rng.integers(len(options)))])


@dataclass
class Replayed:
    """Gives known draws again."""

    raw: dict

    def uniform(self, name, low, high):
        return self.raw[name]

    def choice(self, name, options):
        return self.raw[name]

    log = integer = uniform


def pair(values):
    return st.tuples(values, values).map(sorted).filter(lambda p: p[0] < p[1]).map(list)


INTERVALS = st.one_of(
    st.builds(lambda p: {"uniform": p}, pair(NUMBERS)),
    st.builds(lambda p: {"log": p}, pair(st.floats(1e-9, 1e6))),
    st.builds(lambda p: {"int": p}, pair(st.integers(-50, 50))),
)
NUMERIC = st.recursive(
    st.one_of(
        INTERVALS,
        st.integers(-9, 9),
        NUMBERS,
        st.builds(lambda o: {"choice": o}, st.lists(NUMBERS, min_size=1, max_size=4)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda r: {"negate": r}, inner),
        st.builds(lambda r: {"complement": r}, inner),
        st.builds(lambda r: {"either": r}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
)
NODES = st.one_of(
    NUMERIC, WORDS, st.builds(lambda o: {"choice": o}, st.lists(WORDS, min_size=1, max_size=4))
)


def is_inside(node, value):
    """The grammar once more, as a test of membership written from its description."""
    if not isinstance(node, dict):
        return value == node
    kind, inner = next(iter(node.items()))
    if kind in ("uniform", "log"):
        return inner[0] - 1e-6 <= value <= inner[1] + 1e-6
    if kind == "int":
        return inner[0] - 1e-9 <= value <= inner[1] + 1e-9 and abs(value - round(value)) < 1e-9
    if kind == "choice":
        return any(value == o or near(value, o) for o in inner)
    if kind == "negate":
        return is_inside(inner, -value)
    if kind == "complement":
        return is_inside_nearly(inner, 1 - value)
    return any(is_inside_nearly(branch, value) for branch in inner)


def near(a, b):
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b))
    return numbers and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6)


def is_inside_nearly(node, value):
    return near(value, node) if not isinstance(node, dict) else is_inside(node, value)


@given(NODES, st.integers(0, 2**32))
def test_samples_lie_in_the_range_and_are_found_again(node, seed):
    found = parse_range(yaml.safe_load(yaml.safe_dump(node)), "x")
    assert found == parse_range(node, "x")
    drawn = Drawn(np.random.default_rng(seed))
    value = found.sample(drawn, "p")
    if isinstance(node, dict):
        assert is_inside(node, value)
    else:
        assert value == node
    assert len(drawn.raw) <= found.free_dimensions
    raw = found.locate(value, "p")
    if "complement" in repr(node) and raw is None:
        return  # 1 - x may round to the other side of a choice or a fixed value
    assert raw is not None
    again = found.sample(Replayed(raw), "p")
    assert again == value or near(again, value)
    if "either" not in repr(node):  # of overlapping branches the first is found
        assert raw.keys() == drawn.raw.keys()
        assert all(raw[k] == v or near(raw[k], v) for k, v in drawn.raw.items())


@pytest.mark.parametrize(
    ("node", "outside"),
    [
        ({"uniform": [0, 1]}, [-0.1, 1.1, "a", None, True]),
        ({"log": [0.1, 1]}, [0.09, 1.1, 0, -0.5]),
        ({"int": [1, 3]}, [0, 4, 2.5, "2"]),
        ({"choice": [1, "a"]}, [2, "b", None]),
        ({"negate": {"log": [0.1, 1]}}, [0.5, -2, "a", None]),
        ({"complement": {"log": [0.1, 0.5]}}, [0.2, 1.0, "a", None]),
        ({"either": [0, {"log": [0.1, 1]}]}, [0.05, -0.5]),
        (3, [4, "3", None]),
    ],
)
def test_what_lies_outside_is_not_found(node, outside):
    found = parse_range(node, "x")
    assert [found.locate(value, "p") for value in outside] == [None] * len(outside)


@pytest.mark.parametrize(
    ("node", "value", "raw"),
    [
        ({"uniform": [0, 1]}, 1, {"p": 1.0}),
        ({"int": [1, 3]}, 3, {"p": 3}),
        ({"negate": {"log": [0.1, 1]}}, -0.5, {"p": 0.5}),
        ({"complement": {"log": [0.001, 1.0]}}, 0.9, {"p": pytest.approx(0.1)}),
        ({"either": [0, {"log": [0.1, 1]}]}, 0, {"p.either": 0}),
        ({"either": [0, {"log": [0.1, 1]}]}, 0.5, {"p.either": 1, "p[1]": 0.5}),
        ({"negate": {"either": [0, {"log": [0.1, 1]}]}}, -0.5, {"p.either": 1, "p[1]": 0.5}),
        (3, 3, {}),
    ],
)
def test_the_draws_of_a_value_are_those_a_hand_finds(node, value, raw):
    assert parse_range(node, "x").locate(value, "p") == raw


@pytest.mark.parametrize(
    ("node", "free"),
    [
        (3, 0),
        ({"log": [1, 2]}, 1),
        ({"negate": {"log": [1, 2]}}, 1),
        ({"negate": 3}, 0),
        ({"complement": 3}, 0),
        ({"either": [0, {"log": [1, 2]}]}, 2),
        ({"either": [0, 1]}, 1),
    ],
)
def test_free_dimensions_count_the_numbers_that_a_search_chooses(node, free):
    assert parse_range(node, "x").free_dimensions == free


SPACE = Space(
    (
        Param("rate", 0.1, Interval(0.01, 1.0, is_log=True)),
        Param("alpha", -0.2, Negate(Interval(0.1, 1.0))),
        Param("mode", "plain", Choice(("plain", "fancy"))),
        Param("depth", 3, Integers(1, 9), {"mode": "fancy"}),
        Param("fixed", 7, Fixed(8)),
    )
)


def test_defaults_are_the_cards_or_the_fixed_value():
    expected = {"rate": 0.1, "alpha": -0.2, "mode": "plain", "depth": 3, "fixed": 8}
    assert SPACE.defaults == expected


@given(st.integers(0, 2**32))
def test_a_space_is_sampled_whole_and_located_again(seed):
    drawn = Drawn(np.random.default_rng(seed))
    values = SPACE.sample(drawn)
    assert list(values) == ["rate", "alpha", "mode", "depth", "fixed"]
    assert ("depth" in drawn.raw) == (values["mode"] == "fancy")
    if values["mode"] == "plain":
        assert values["depth"] == 3
    assert SPACE.locate(values) == drawn.raw
    assert SPACE.sample(Replayed(drawn.raw)) == values


def test_a_space_locates_nothing_where_one_value_lies_outside():
    assert SPACE.locate(SPACE.defaults | {"rate": 2.0}) is None
    assert SPACE.locate(SPACE.defaults | {"fixed": 7}) is None
    assert SPACE.locate(SPACE.defaults | {"depth": 99}) is not None  # it does not matter
    assert SPACE.locate(SPACE.defaults | {"mode": "fancy", "depth": 99}) is None


def test_a_narrowed_space_has_the_new_ranges_and_the_old_order():
    narrow = SPACE.narrowed({"rate": Fixed(0.5), "mode": Fixed("plain")})
    assert [p.name for p in narrow.params] == [p.name for p in SPACE.params]
    assert narrow.defaults == SPACE.defaults | {"rate": 0.5}
    assert SPACE.defaults["rate"] == 0.1
    assert SPACE.free_dimensions == 4
    assert narrow.free_dimensions == 1  # depth can no longer matter


def test_a_fixed_value_stays_where_its_condition_does_not_hold():
    narrow = SPACE.narrowed({"depth": Fixed(5), "mode": Fixed("plain")})
    assert narrow.sample(Drawn(np.random.default_rng(0)))["depth"] == 5


@pytest.mark.parametrize(
    ("node", "middle"),
    [
        ({"log": [0.04, 0.25]}, 0.1),
        ({"uniform": [2.0, 5.0]}, 3.5),
        ({"int": [4, 9]}, 6),
        ({"choice": [8, 2]}, 8),
        ({"negate": {"log": [0.01, 4.0]}}, -0.2),
        ({"complement": {"uniform": [0.0, 0.5]}}, 0.75),
        ({"either": [-1, {"log": [0.1, 1.0]}]}, -1),
        ({"log": [0.1, 10.0]}, 1.5),
        ({"int": [1, 2]}, 1),
    ],
)
def test_a_default_outside_of_a_new_range_becomes_its_middle(node, middle):
    found = Param("p", 1.5, Fixed(1.5)).within(parse_range(node, "p"))
    assert found.default == pytest.approx(middle)
    assert type(found.default) is type(middle)
    assert found.range.locate(found.default, "p") is not None


@pytest.mark.parametrize("name", cards.names("methods"))
def test_the_space_of_every_card_samples_and_contains_its_defaults(name):
    space = cards.method(name).space
    for seed in range(20):
        drawn = Drawn(np.random.default_rng(seed))
        values = space.sample(drawn)
        assert space.locate(values) is not None
        for param in space.params:
            if param.default is not None and not isinstance(param.default, str | bool):
                assert isinstance(values[param.name], int | float)
