"""Source text as definitions: which tokens a definition has, and what its names mean."""

import pytest

from mubench.catalogue.definitions import (
    WHOLE,
    Definition,
    Imported,
    bases_of,
    parse,
    tokens_of,
)
from mubench.errors import InputError

SOURCE = '''"""A module."""
import torch.nn as nn
from mubench.data import split as parts

RATE = 0.5


class Mine(parts.Split):
    """A class."""

    def run(self, x: "Other") -> float:
        # why
        return nn.relu(x) * RATE


class Other:
    pass


TABLE = {}
TABLE["a"] = RATE
print(TABLE)
'''


def outside(imported):
    """What every import means: its dotted name."""
    return ".".join(filter(None, (imported.module, imported.name)))


def tokens(source, name="f"):
    return tokens_of(parse(source, "m"), name, outside)


def test_a_module_is_its_statements_by_name_its_imports_and_its_effects():
    module = parse(SOURCE, "m")
    assert list(module.statements) == ["RATE", "Mine", "Other", "TABLE"]
    assert len(module.statements["TABLE"]) == 2
    assert module.imports == {
        "nn": Imported("torch.nn"),
        "parts": Imported("mubench.data", "split"),
    }
    assert len(module.effects) == 1


def test_a_relative_import_is_resolved_by_the_package_of_the_module():
    source = "from . import a\nfrom ..b import c\n"
    in_module = parse(source, "p.q.m").imports
    assert in_module == {"a": Imported("p.q", "a"), "c": Imported("p.b", "c")}
    in_package = parse(source, "p.q", is_package=True).imports
    assert in_package == in_module


def test_a_definition_names_those_that_it_uses_types_and_effects_included():
    used = [t for t in tokens(SOURCE, "Mine") if isinstance(t, Definition)]
    assert used == [Definition("m", name) for name in ("Other", "RATE", "TABLE")]
    assert "torch.nn.relu" not in tokens(SOURCE, "Other")


def test_the_whole_of_a_module_is_all_that_it_defines():
    used = [t for t in tokens(SOURCE, WHOLE) if isinstance(t, Definition)]
    assert {each.name for each in used} == {"RATE", "Mine", "Other", "TABLE"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x", "def f(x):\n    'Words.'\n    return  x  # why"),
        ("def f(x):\n    return x", "def g(x):\n    return x"),
        ("def f(x):\n    return x", "def f(x: int) -> 'str':\n    return x"),
        ("def f(x):\n    raise V('a', x)", "def f(x):\n    raise V(f'b {x}', x)"),
        ("def f(x):\n    assert x, 'a'", "def f(x):\n    assert x, 'b'"),
        ("f: int = 1", "f: float = 1"),
    ],
)
def test_words_names_and_types_are_no_tokens(one, other):
    assert tokens(one) == tokens(other, "g" if "def g" in other else "f")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x + 1", "def f(x):\n    return x - 1"),
        ("def f(x):\n    return x", "def f(y):\n    return y"),
        ("def f(x=1):\n    return x", "def f(x=2):\n    return x"),
        ("class f:\n    a: int = 1", "class f:\n    a: float = 1"),
        ("def f(x):\n    raise V('a', x)", "def f(x):\n    raise W('a', x)"),
        ("def f():\n    return 'a'", "def f():\n    return 'b'"),
    ],
)
def test_what_code_does_is_in_its_tokens(one, other):
    assert tokens(one) != tokens(other)


def test_bases_are_read_from_the_source():
    module = parse(SOURCE, "m")
    assert bases_of(module, "RATE", outside) == []
    assert bases_of(module, "Other", outside) == []
    assert bases_of(parse("class A: ...\nclass B(A): ...", "m"), "B", outside) == [
        Definition("m", "A")
    ]


def test_errors_name_the_module():
    with pytest.raises(InputError, match="m: defines no 'nothing'"):
        tokens(SOURCE, "nothing")
    with pytest.raises(InputError, match=r"m: cannot be parsed: .* line 2"):
        parse("x = 1\ndef :\n", "m")
