"""The bounds of YAML: what would cost more than its size is refused where it begins."""

import pytest

from mubench.catalogue.yaml_document import Document, read_yaml
from mubench.catalogue.yaml_loader import MOST_CHARACTERS, MOST_DEPTH, MOST_NODES
from mubench.errors import InputError


def aliases(*counts):
    """A list of ten words, lists of so many aliases of it, and of those."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * n)}]" for k, n in enumerate(counts, 1)]
    return "\n".join(lines)


REFUSED = {
    "aliases in aliases": (aliases(*[10] * 8), "x:5:10: more than 20,000 keys and values"),
    "aliases of a long text": (
        f"a: &a {'x' * 9999}\nb: [{'*a, ' * 60}]",
        "x:2:105: more than 262,144 char",
    ),
    "an alias of a key": ("a: &a [1]\n*a : 1", "x:1:4: a key is a word"),
    "an alias in itself": ("a: &a [*a]", "x:1:8: the alias *a stands in what it names"),
    "merges of merges": (
        "a0: &a0 {x: 1}\n"
        + "\n".join(f"a{k + 1}: &a{k + 1} {{<<: [*a{k}, *a{k}]}}" for k in range(20)),
        "x:12:23: more than 20,000 keys and values",
    ),
    "many values": (f"a: [{'1, ' * MOST_NODES}]", "x:1:"),
    "many keys": ("\n".join(f"k{k}: v" for k in range(MOST_NODES)), "x:1"),
    "deep lists": ("[" * (MOST_DEPTH + 1), f"x:1:{MOST_DEPTH + 1}: nested in more than"),
    "deep aliases": (
        f"a: &a {'[' * 30}{']' * 30}\nb: {'[' * 10}*a{']' * 10}",
        "x:2:14: nested in more than",
    ),
    "long text": (" " * (MOST_CHARACTERS + 1), "x: not YAML: 262,145 characters"),
    "long number": (f"a: {'9' * 41}", "x:1:4: a number of 41 digits; at most 40"),
    "long hexadecimal number": (f"a: 0x{'f' * 5000}", "x:1:4: a number of 5002 digits"),
    "key that is there as a number too": ("'1': a\n1: b", "x:2:1: the key '1' is listed twice"),
    "key that is a list": ("? [a]\n: 1", "x:1:3: a key is a word"),
    "null byte": ('a: "b\\0"', r"x:1:4: the character '\x00' cannot be shown"),
    "escape sequence": ('"\\e[2J": 1', r"x:1:1: the character '\x1b' cannot be shown"),
    "half a character": ('a: "\\ud800"', r"x:1:4: the character '\ud800' cannot be shown"),
    "tag of another type": ("a: !!bool maybe", "x:1:4: the tag !!bool is not read"),
    "tag of a set": ("!!set {a, b}", "x:1:1: the tag !!set is not read"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_would_cost_too_much_is_one_line_with_its_place(case):
    text, expected = REFUSED[case]
    with pytest.raises(InputError) as caught:
        read_yaml(text, "x")
    assert str(caught.value).startswith(expected)


def test_aliases_and_merges_within_the_bounds_are_read():
    assert read_yaml("a: &a {x: 1}\nb: [*a, {<<: *a, y: 2}]", "x") == {
        "a": {"x": 1},
        "b": [{"x": 1}, {"x": 1, "y": 2}],
    }
    assert len(read_yaml(aliases(30, 30), "x")["a2"]) == 30  # 9,000 values


def test_keys_are_words_whatever_yaml_makes_of_values():
    text = "{&a 1: 1, no: no, null: null, 1e3: 1e3, 2024-01-01: *a, '<<': y}"
    assert read_yaml(text, "x") == {
        "1": 1,
        "no": False,
        "null": None,
        "1e3": 1000.0,
        "2024-01-01": 1,
        "<<": "y",
    }


@pytest.mark.parametrize("text", ["[" * MOST_DEPTH + "]" * MOST_DEPTH, "9" * 40, "a: 'é\u202eb\t'"])
def test_the_bounds_themselves_are_read(text):
    assert read_yaml(text, "x")


def test_what_is_never_closed_is_refused_before_all_of_it_is_read():
    """A quarter of a million brackets are not one stack of calls."""
    with pytest.raises(InputError, match="nested in more than 40 levels"):
        Document("[" * MOST_CHARACTERS, "x")
