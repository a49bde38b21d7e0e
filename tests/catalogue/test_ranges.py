"""Ranges: where a value lies, how many numbers a search chooses, and what is drawn."""

import math

import pytest

from mubench.catalogue.ranges import (
    Choice,
    Complement,
    Either,
    Fixed,
    Integers,
    Interval,
    Negate,
    is_number,
)
from mubench.errors import InputError


class Lowest:
    """Draws the lower end, and the last option."""

    def uniform(self, name, low, high):
        return low

    log = integer = uniform

    def choice(self, name, options):
        return options[-1]


RANGES = [
    # range, free dimensions, lowest value, a value outside
    (Fixed("a"), 0, "a", "b"),
    (Interval(0.25, 1.0), 1, 0.25, 1.5),
    (Interval(0.25, 1.0, is_log=True), 1, 0.25, 0.1),
    (Integers(2, 5), 1, 2, 6),
    (Choice(("a", 3)), 1, 3, 4),
    (Negate(Interval(0.25, 1.0)), 1, -0.25, 0.25),
    (Complement(Interval(0.25, 1.0)), 1, 0.75, 1.0),
    (Either((Fixed(7), Interval(0.25, 1.0))), 2, 0.25, 8),
]


@pytest.mark.parametrize(("space", "dimensions", "lowest", "outside"), RANGES)
def test_a_drawn_value_is_located_and_one_outside_is_not(space, dimensions, lowest, outside):
    assert space.free_dimensions == dimensions
    assert space.sample(Lowest(), "x") == lowest
    draws = space.locate(lowest, "x")
    assert draws is not None
    assert len(draws) == dimensions
    assert space.locate(outside, "x") is None


def test_draws_of_a_branch_have_a_name_of_their_own():
    either = Either((Interval(0.0, 1.0), Integers(2, 5)))
    assert either.locate(0.5, "x") == {"x.either": 0, "x[0]": 0.5}
    assert either.locate(3, "x") == {"x.either": 1, "x[1]": 3}


def test_the_ends_are_inside_up_to_rounding():
    third = Complement(Interval(1 / 3, 0.9))
    assert third.locate(1 - 0.9, "x") is not None
    end = math.nextafter(0.9, 1)
    assert Interval(0.1, 0.9).locate(end, "x") == {"x": 0.9}


def test_truth_values_are_no_numbers():
    assert is_number(1.5)
    assert not is_number(True)
    assert Interval(0.0, 2.0).locate(True, "x") is None
    with pytest.raises(InputError, match="a number is needed here; got 'a'"):
        Negate(Choice(("a",))).sample(Lowest(), "x")
