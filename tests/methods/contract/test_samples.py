"""Points of a search space on which the contract tries a method."""

import pytest

from mubench.catalogue import cards
from mubench.methods.contract.samples import Draw, ends, samples


@pytest.mark.parametrize("name", ["ugradsl", "iu", "scrub"])
def test_samples_lie_in_the_space(name):
    space = cards.method(name).space
    for point in samples(space, 20):
        assert point.keys() == space.defaults.keys()
        assert space.locate(point) is not None, point


def test_samples_are_those_of_their_seed():
    space = cards.method("ugradsl").space
    assert list(samples(space, 3, seed=1)) == list(samples(space, 3, seed=1))
    assert list(samples(space, 3, seed=1)) != list(samples(space, 3, seed=2))


def test_draws_reach_both_ends_and_no_further():
    draw = Draw(0)
    assert {draw.integer("k", 1, 3) for _ in range(100)} == {1, 2, 3}
    assert {draw.choice("c", ("a", "b")) for _ in range(100)} == {"a", "b"}
    logs = [draw.log("l", 1e-4, 1e-1) for _ in range(2000)]
    assert 1e-4 <= min(logs) < max(logs) <= 1e-1
    assert sum(value < 10**-2.5 for value in logs) / len(logs) == pytest.approx(0.5, abs=0.05)


def test_both_ends_of_a_range_are_tried_and_one_hyperparameter_at_a_time():
    space = cards.method("ft").space
    tried = [
        {name: value for name, value in point.items() if value != space.defaults[name]}
        for point in ends(space)
    ]
    assert all(len(changed) <= 1 for changed in tried)
    assert {"learning_rate": 1e-4} in tried
    assert {"learning_rate": 1e-1} in tried
