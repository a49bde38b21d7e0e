"""Slugs are plain, short, and of one name each."""

import re

import pytest

from mubench.leaderboard.slug import slug
from tests.support.board import HOSTILE


@pytest.mark.parametrize("name", [HOSTILE, "../../etc/passwd", "", "con/../x", "é", "x" * 500])
def test_a_slug_is_a_plain_short_name(name):
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", slug(name))
    assert len(slug(name, name, name)) < 130


def test_no_two_names_share_a_slug():
    names = ["ft", "FT", "f/t", "f-t", "f_t", "ft ", slug("FT"), "a/b", "a-b", "a.b"]
    assert len({slug(name).lower() for name in names}) == len(names)
    assert slug("a", "b/c") != slug("a/b", "c")
