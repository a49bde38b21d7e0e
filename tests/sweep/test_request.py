"""Requests: their names, and what decides their forget sets."""

from dataclasses import replace

import pytest

from mubench.data.scenario import Classes, Groups, GroupShare, Ids, Random
from tests.support.plans import BASE, steps_of

REQUEST = next(s.request for s in steps_of(BASE, "final") if s.request.seed_forget == 0)


@pytest.mark.parametrize(
    ("scenario", "target"),
    [
        (Random(0.1), "forget=0"),
        (GroupShare(0.3), "forget=0"),
        (Classes((3,)), "class=3"),
        (Classes((3, 7)), "class=3+7"),
        (Groups((2, 5)), "group=2+5"),
    ],
)
def test_a_request_is_named_by_what_is_forgotten(scenario, target):
    request = replace(REQUEST, scenario=scenario)
    assert request.target == target
    assert request.name == f"{REQUEST.cell}/{target}/train=0"
    assert request.classes == (scenario.classes if isinstance(scenario, Classes) else ())


def test_a_request_without_a_seed_has_minus_one_in_records():
    assert REQUEST.flat_seed == 0
    assert replace(REQUEST, seed_forget=None).flat_seed == -1


def test_the_identity_tells_seeds_and_purposes_apart_but_no_trainings():
    identity = REQUEST.identity
    assert replace(REQUEST, seed_forget=1).identity != identity
    searched = replace(REQUEST, training=replace(REQUEST.training, purpose="search"))
    assert searched.identity != identity
    other = replace(REQUEST, training=replace(REQUEST.training, seed=9))
    assert other.identity == identity


def test_the_identity_of_a_file_is_its_content():
    a, b = (Ids((1, 2), "0123456789abcdef", name, "") for name in ("a.txt", "b.txt"))
    a, b = (replace(REQUEST, scenario=scenario) for scenario in (a, b))
    assert a.target == "file=a.txt-01234567"
    assert a.identity == b.identity
    assert "ids" not in a.identity


def test_parts_are_in_label_name_and_identity_only_where_there_are_several():
    one, five = (
        replace(REQUEST, forget=REQUEST.forget.model_copy(update={"parts": n})) for n in (1, 5)
    )
    assert (one.name, one.identity) == (REQUEST.name, REQUEST.identity)
    assert "parts" not in one.identity
    assert five.identity == REQUEST.identity | {"parts": 5}
    assert five.cell == f"{REQUEST.cell}-parts5"
    assert five.name.startswith(f"{five.cell}/")
