"""Content ids: what decides a result is in them, and nothing else is."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench import ids
from mubench.ids import closure, content_id, source_id

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def reverse_keys(value):
    if isinstance(value, dict):
        return {key: reverse_keys(value[key]) for key in reversed(value)}
    return [reverse_keys(v) for v in value] if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_does_not_count(value):
    assert content_id(value) == content_id(reverse_keys(value))


@given(VALUES, VALUES)
def test_different_values_have_different_ids(one, other):
    assert (content_id(one) == content_id(other)) == (repr_of(one) == repr_of(other))


def repr_of(value):
    """Equal for equal values of equal types, whatever the order of keys."""
    if isinstance(value, dict):
        return f"mapping {sorted((key, repr_of(v)) for key, v in value.items())}"
    return repr([repr_of(v) for v in value]) if isinstance(value, list) else repr(value)


def test_where_one_part_ends_counts():
    found = [
        content_id("a", "b"),
        content_id("ab"),
        content_id(["a", "b"]),
        content_id("b", "a"),
        content_id("a", "b", None),
        content_id("a"),
        content_id(),
    ]
    assert len(set(found)) == len(found)


def test_tuples_are_lists_and_sets_are_sorted():
    assert content_id((1, 2)) == content_id([1, 2])
    assert content_id(frozenset("ba")) == content_id(["a", "b"])


def test_what_has_no_text_is_refused():
    with pytest.raises(TypeError, match="an id cannot hold <object"):
        content_id(object())


def test_an_id_is_24_hex_digits_and_the_same_in_every_process():
    code = (
        "from mubench.ids import content_id, source_id\n"
        "print(content_id({'b': 1, 'a': {'y', 'x'}}), source_id('mubench.methods.ga'))"
    )
    here = f"{content_id({'b': 1, 'a': {'y', 'x'}})} {source_id('mubench.methods.ga')}\n"
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONHASHSEED": "7"},
    ).stdout
    assert there == here
    assert all(len(key) == 24 and int(key, 16) >= 0 for key in here.split())


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A package of three modules in place of the real one: a method, what it imports, plumbing."""
    (tmp_path / "methods").mkdir()
    (tmp_path / "training").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "training" / "__init__.py").write_text("")
    (tmp_path / "methods" / "mine.py").write_text(
        "from mubench.training import loop\nfrom mubench.store.files import Files\n\n"
        "def run():\n    return loop.step('#')\n"
    )
    (tmp_path / "training" / "loop.py").write_text("import torch\n\ndef step(x):\n    return x\n")
    (tmp_path / "store" / "files.py").write_text("Files = 1\n")
    monkeypatch.setattr(ids, "__file__", str(tmp_path / "ids.py"))

    def forget():
        for cached in (ids._text, ids._path, ids._counts):
            cached.cache_clear()

    def edit(name, *changes):
        path = Path(tmp_path) / f"{name}.py"
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        forget()
        return source_id("mubench.methods.mine")

    forget()
    yield edit
    monkeypatch.undo()
    forget()


def test_code_counts_and_so_does_the_code_that_it_imports(world):
    found = [
        world("methods/mine"),
        world("methods/mine", ("return loop", "return 2 * loop")),
        world("training/loop", ("return x", "return x + 1")),
        world("training/loop", ("return x + 1", "    return x + 1")),
        world("methods/mine", ("'#'", "'# '")),
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "change",
    [
        ("def run():", "# why\ndef run():"),
        ("def run():", "def run():  # why"),
        ("def run():", "\n\n\ndef run():\n"),
        ("def run():", "def run():   "),
        ("    return", "    # why\n\n    return"),
        ("\n\ndef", "\n\x0c\ndef"),
    ],
)
def test_comments_and_blank_lines_do_not_count(world, change):
    assert world("methods/mine", change) == world("methods/mine", change[::-1])


def test_a_number_sign_in_a_text_is_no_comment(world):
    assert world("methods/mine", ("'#'", "'#a'")) != world("methods/mine", ("'#a'", "'#b'"))


def test_plumbing_does_not_count(world):
    assert world("store/files") == world("store/files", ("Files = 1", "Files = 2"))


def test_an_edit_is_seen_only_when_it_is_to_what_is_used(world, tmp_path):
    before = world("methods/mine")
    (tmp_path / "methods" / "other.py").write_text("x = 1\n")
    assert world("methods/mine") == before


def test_the_closure_of_a_method_holds_its_file_and_what_it_uses_and_no_other_method():
    found = closure("mubench.methods.ga")
    assert {
        "mubench.methods.ga",
        "mubench.methods.base",
        "mubench.methods.losses",
        "mubench.training.descent",
        "mubench.training.loader",
        "mubench.data.split",
        "mubench.seeds",
    } <= found
    assert not {"mubench.methods.ft", "mubench.methods.ugradsl"} & found
    assert all(name.startswith("mubench.") for name in found)


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("mubench.training.fit", ("methods", "metrics")),
        ("mubench.training.evaluate", ("methods", "metrics")),
        ("mubench.methods.ugradsl", ("metrics", "models")),
        ("mubench.metrics.objective", ("methods", "training", "data", "models")),
        ("mubench.metrics.score", ("methods", "training", "data", "models")),
        ("mubench.data.load", ("methods", "metrics", "training")),
        ("mubench.models.build", ("methods", "metrics", "training", "data")),
    ],
)
def test_each_kind_of_step_rests_on_its_own_code_alone(module, banned):
    assert not [n for n in closure(module) if n.split(".")[1] in banned]


def test_the_objective_of_a_search_does_not_rest_on_the_code_that_scores():
    assert "mubench.metrics.score" not in closure("mubench.metrics.objective")
    assert "mubench.metrics.objective" in closure("mubench.metrics.score")


def test_nothing_but_science_is_in_a_closure():
    found = closure("mubench.methods.ugradsl", "mubench.training.fit", "mubench.metrics.score")
    assert {name.split(".")[1] for name in found} <= set(ids.SCIENCE)


def test_a_module_that_is_not_there_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"mubench\.methods\.nothing"):
        source_id("mubench.methods.nothing")
