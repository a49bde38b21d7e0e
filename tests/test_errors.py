"""The tree of errors in the docstring is the real tree; hints name what was meant."""

import re

from mubench import errors
from mubench.errors import MubenchError, did_you_mean, plural


def test_the_drawn_tree_is_the_tree_of_classes():
    names = re.findall(r"^([│├└─ ]*)(\w+) {2,}", errors.__doc__, re.MULTILINE)
    assert [(len(branch) // 4, name) for branch, name in names] == list(_tree(MubenchError, 0))


def _tree(kind, depth):
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child, depth + 1)


def test_a_hint_names_the_nearest_word():
    assert did_you_mean("trails", ["trials", "startup"]) == "did you mean 'trials'?"


def test_a_hint_without_a_near_word_lists_a_dozen_and_counts_the_rest():
    known = [f"{letter}{letter}" for letter in "abcdefghijklmn"]
    assert did_you_mean("zzzzz", known) == f"known: {', '.join(known[:12])} and 2 more"


def test_zero_and_many_take_the_plural():
    assert [plural(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert plural(2, "study", "studies") == "2 studies"
