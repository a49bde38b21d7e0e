"""Errors: one tree that callers can catch, and the nearest right name."""

import inspect

import pytest

from mubench import errors
from mubench.errors import InputError, MubenchError, did_you_mean, is_one_line


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


def test_a_message_is_one_short_line_that_a_terminal_shows_as_it_is():
    text = "a\nb\t\x1b[2J\x00\ud800\u202e " + "x" * 100_000 + " mend it so"
    error = InputError(text)
    assert str(error).startswith("a b \\x1b[2J\\x00\\ud800\\u202e xxx")
    assert str(error).endswith("xxx mend it so")
    assert len(str(error)) == 1000
    assert is_one_line(str(InputError("\x1b" * 1000)))
    assert len(str(InputError("\x1b" * 1000))) == 1000
    assert str(InputError("é ≥ 0")) == "é ≥ 0"


def test_a_word_is_not_compared_with_all_there_is(monkeypatch):
    """A difference is quadratic in the length of words, and a file may have thousands of them."""
    compared = []
    monkeypatch.setattr(
        errors, "get_close_matches", lambda word, words, **_: compared.extend(words)
    )
    did_you_mean("x" * 100_000, ["alpha"])
    assert not compared
    did_you_mean("alpha", [*map(str, range(10_000)), "x" * 100_000])
    assert len(compared) == 2000
    assert max(map(len, compared)) < 10
