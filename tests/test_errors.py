"""Errors: one tree that callers can catch, and the nearest right name."""

import inspect

import pytest

from mubench import errors
from mubench.errors import MubenchError, did_you_mean


def test_every_error_is_one_of_mubench():
    members = inspect.getmembers(errors, inspect.isclass)
    found = [kind for _, kind in members if kind.__module__ == errors.__name__]
    assert len(found) > 5
    assert all(issubclass(kind, MubenchError) for kind in found)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("alhpa", ["beta", "alpha"], "did you mean 'alpha'?"),
        ("x", ["beta", "alpha"], "known: alpha, beta"),
        ("x", [f"{k:02}" for k in range(12)], "known: " + ", ".join(f"{k:02}" for k in range(12))),
        ("x", [f"{k:02}" for k in range(14)], " and 2 more"),
    ],
)
def test_the_nearest_name_is_said_or_a_dozen_of_them(word, known, expected):
    assert did_you_mean(word, known).endswith(expected)
