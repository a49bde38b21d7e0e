"""Draws of a request: the same for all of its models."""

import torch

from tests.support.examined import subject
from tests.support.toy import mlp


def test_what_is_drawn_and_the_rest_are_all_examples_once():
    one = subject()
    first, rest = one.drawn(one.forget, 7, "few")
    assert (len(first), len(rest)) == (7, 13)
    assert sorted([*first.ids.tolist(), *rest.ids.tolist()]) == sorted(one.forget.ids.tolist())


def test_all_models_of_a_request_meet_the_same_draws_and_other_requests_others():
    draws = [
        each.drawn(each.forget, 7, name)[0].ids.tolist()
        for each, name in (
            (subject(mlp(5)), "few"),
            (subject(mlp(6)), "few"),
            (subject(seed=4), "few"),
            (subject(), "other"),
        )
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert draws[0] != draws[3]


def test_no_more_is_drawn_than_there_is():
    one = subject()
    first, rest = one.drawn(one.forget, 1000, "few")
    assert torch.equal(first.ids, one.forget.ids)
    assert len(rest) == 0


def test_the_anchor_is_compared_with_the_original_alone():
    assert list(subject(retrained=None).references) == ["original"]
    assert list(subject().references) == ["original", "retrain"]
