"""Content ids: what decides a result is in them, and nothing else is."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.catalogue import ids
from mubench.catalogue.ids import closure, content_id, source_id
from mubench.errors import InputError
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed
from tests.support.sources import Anew

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
        "from mubench.catalogue.ids import content_id, source_id\n"
        "print(content_id({'b': 1, 'a': {'y', 'x'}}), source_id('mubench.methods.ga:GA'))"
    )
    here = f"{content_id({'b': 1, 'a': {'y', 'x'}})} {source_id('mubench.methods.ga:GA')}\n"
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONHASHSEED": "7"},
    ).stdout
    assert there == here
    assert all(len(key) == 24 and int(key, 16) >= 0 for key in here.split())


METHOD = """from mubench.models.training import loop
from mubench.models.training.loop import scaled as scale
from mubench.store.files import Files
from mubench.errors import Diverged

RATE: float = 0.5
"Why a half."


class Mine:
    \"\"\"A method.\"\"\"

    def run(self, weights: loop.Weights) -> "loop.Weights":
        if Files(weights):
            raise Diverged(f"{weights} are not finite; try a smaller rate")
        return helper(loop.step(weights, "#"), RATE)


def helper(x, rate):
    return scale(x) * rate
"""
LOOP = """import torch
from torch import nn


class Weights:
    \"\"\"What is trained.\"\"\"

    def moved(self):
        return 1


def step(x, how):
    return x + torch.ones(1)


def scaled(x):
    return nn.functional.relu(x) - 1


def unused(x):
    return x
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Another package in place of the real one: a method, what it imports, plumbing."""
    monkeypatch.setattr(ids, "__file__", str(tmp_path / "catalogue" / "ids.py"))

    def write(name, text):
        path = Path(tmp_path, f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edited(files=None, root="mubench.methods.mine:Mine"):
        """The id of the method with some files rewritten; None removes one."""
        whole = {
            "methods/mine": METHOD,
            "models/training/loop": LOOP,
            "models/training/__init__": "",
        }
        whole |= {"store/files": "Files = 1\n", "errors": "class Diverged(Exception): ...\n"}
        for path in tmp_path.rglob("*.py"):
            path.unlink()
        for name, text in {**whole, **(files or {})}.items():
            if text is not None:
                write(name, text)
        forget_sources()
        return source_id(root)

    yield edited
    monkeypatch.undo()
    forget_sources()


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch):
    """Sources change in a process here, which no id that is kept on the disk knows of."""
    monkeypatch.setattr(ids, "_kept", Anew)


def forget_sources():
    for cached in (ids._digest, ids._read, ids._path):
        cached.cache_clear()


def edited(text, *changes):
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return text


def method(*changes):
    return {"methods/mine": edited(METHOD, *changes)}


def loop(*changes):
    return {"models/training/loop": edited(LOOP, *changes)}


@pytest.mark.parametrize(
    "files",
    [
        method("* rate", "+ rate"),
        method("0.5", "0.25"),
        method('"#"', '"##"'),
        method("if Files", "if not Files"),
        method("raise Diverged", "raise ValueError"),
        method("helper(loop", "abs(loop"),
        method("scale(x)", "loop.step(x, 1)"),
        loop("x + torch", "x - torch"),
        loop("torch.ones", "torch.zeros"),
        loop("relu(x) - 1", "relu(x) - 2"),
        loop("nn.functional", "nn.other"),
        loop("return 1", "return 2"),
        loop("\n\ndef step", "\ntorch.use_deterministic_algorithms(True)\n\ndef step"),
        method("    def run", "    seed: int = 1\n\n    def run"),
    ],
)
def test_code_counts_and_so_does_the_code_that_it_uses(world, files):
    assert world(files) != world()


HELPER = METHOD[METHOD.index("def helper") :]
SCALE = "from mubench.models.training.loop import scaled as scale\n"


@pytest.mark.parametrize(
    "files",
    [
        # words
        method("A method.", "Another one."),
        method("Why a half.", "A half is what the paper has."),
        method("are not finite; try a smaller rate", "must be finite"),
        method("def helper", "# why\ndef helper"),
        method("    return scale", "\n    # why\n    return  scale"),
        method("RATE: float", "RATE: 'int | float'"),
        method("def helper(x, rate):", "def helper(x: int, rate: float) -> float:"),
        # names
        method("Mine", "Yours"),
        method("helper", "assistant"),
        method("RATE", "SPEED"),
        method(
            "from mubench.models.training import loop\n",
            "import mubench.models.training.loop as loop\n",
        ),
        method("scaled as scale", "scaled as smaller", "scale(x)", "smaller(x)"),
        # places
        {"models/training/loop": None, "models/laps": LOOP}
        | method(
            *("models.training.loop import", "models.laps import"),
            *("mubench.models.training import loop", "mubench.models import laps as loop"),
        ),
        method(HELPER, "", SCALE, "from mubench.methods.shared import helper\n")
        | {"methods/shared": f"{SCALE}\n\n{HELPER}"},
        # what is not used
        loop("def unused(x):\n    return x", "def unused(x):\n    return -x"),
        {"methods/other": "x = 1\n"},
        {"store/files": "Files = 2\n"},
        {"errors": "class Diverged(ValueError):\n    ...\n"},
    ],
)
def test_words_names_and_places_do_not_count(world, files):
    name = "Yours" if "Yours" in files.get("methods/mine", "") else "Mine"
    assert world(files, f"mubench.methods.mine:{name}") == world()


BLOCKS = """from mubench.models.training.loop import Weights, scaled

for kind in (Weights,):
    kind.rate = 1
if not TYPE_CHECKING:
    Weights.decay = 2
try:
    from mubench.models.training.loop import step
except ImportError:
    step = None


class Mine:
    def run(self, x):
        return step(x, Weights.rate)
"""


@pytest.mark.parametrize(
    "files",
    [
        {"methods/mine": BLOCKS.replace("rate = 1", "rate = 3")},
        {"methods/mine": BLOCKS.replace("decay = 2", "decay = 3")},
        {"methods/mine": BLOCKS.replace("step = None", "step = scaled")},
        {"methods/mine": BLOCKS} | loop("x + torch", "x - torch"),
    ],
)
def test_blocks_of_a_module_count_with_what_they_bind_and_import(world, files):
    assert world(files) != world({"methods/mine": BLOCKS})


def test_functions_that_use_each_other_have_an_id(world):
    text = "def run(x):\n    return odd(x)\n\n\ndef odd(x):\n    return x and run(x - 1)\n"
    found = [
        world({"methods/mine": each}, "mubench.methods.mine:run")
        for each in (text, text.replace("odd", "even"), text.replace("x - 1", "x - 2"))
    ]
    assert found[0] == found[1] != found[2]


def test_an_import_within_a_function_counts(world):
    late = method(SCALE, "", "    return scale", f"    {SCALE}    return scale")
    before = world(late)
    assert before == world()
    assert world(late | loop("relu(x) - 1", "relu(x) - 2")) != before


@pytest.mark.parametrize("name", ["nothing", "loop"])
def test_a_name_that_is_not_there_is_an_error(world, name):
    with pytest.raises(InputError, match=r"mubench\.methods\.mine: defines no"):
        world(root=f"mubench.methods.mine:{name}")


def test_a_module_that_is_not_there_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"mubench\.methods\.nothing"):
        source_id("mubench.methods.nothing:nothing")


def test_a_file_that_is_no_python_is_an_error(world):
    with pytest.raises(InputError, match=r"mubench\.methods\.mine: cannot be parsed: .* line 1"):
        world({"methods/mine": "def :\n"})


def modules(*roots):
    return {used.module for used in closure(*roots)}


def test_the_closure_of_a_method_holds_what_it_uses_and_no_other_method():
    found = modules("mubench.methods.ga:GA")
    assert {
        "mubench.methods.ga",
        "mubench.methods.base",
        "mubench.methods.shared.losses",
        "mubench.models.training.descent",
        "mubench.models.training.loader",
        "mubench.data.split",
        "mubench.catalogue.seeds",
    } <= found
    assert not {"mubench.methods.ft", "mubench.methods.ugradsl"} & found
    assert all(name.startswith("mubench.") for name in found)


def part_of(module):
    """The part of mubench that a module belongs to; training counts apart from the models."""
    is_training = module.startswith("mubench.models.training.")
    return "training" if is_training else module.split(".")[1]


@pytest.mark.parametrize(
    ("root", "banned"),
    [
        ("mubench.run.references:train", ("methods", "metrics")),
        ("mubench.models.training.evaluate:logits_of", ("methods", "metrics")),
        ("mubench.methods.ugradsl:UGradSL", ("metrics", "models")),
        ("mubench.metrics.objective:search_values", ("methods", "training", "data", "models")),
        ("mubench.metrics.score:score", ("methods", "training", "data", "models")),
        ("mubench.data.dataset:load_dataset", ("methods", "metrics", "training")),
        ("mubench.models.build:build_model", ("methods", "metrics", "training", "data")),
        ("mubench.run.tune.suggest:suggest", ("methods", "metrics", "training", "data", "models")),
    ],
)
def test_each_kind_of_step_rests_on_its_own_code_alone(root, banned):
    assert not [name for name in modules(root) if part_of(name) in banned]


def test_the_objective_of_a_search_does_not_rest_on_the_code_that_scores():
    assert "mubench.metrics.score" not in modules("mubench.metrics.objective:search_values")
    assert "mubench.metrics.objective" in modules("mubench.metrics.score:score")


def test_nothing_but_science_is_in_a_closure():
    roots = ("mubench.methods.ugradsl:UGradSL", "mubench.metrics.score:score")
    assert all(name.removeprefix("mubench.").startswith(ids.SCIENCE) for name in modules(*roots))


SEARCHED = changed(
    SWEEP,
    methods={"ft": {}, "ga": {}, "ugradsl": {}},
    seeds__search={"train": [100, 101], "forget": [100], "pair": "product"},
)
"""Two search requests. The smoothing rate is drawn from a range with its sign turned."""


def plan_with(monkeypatch, module="", old="", new=""):
    """The plan of a sweep as if one module's source were another."""
    real = ids._source

    def source(name):
        text = real(name)
        if name != module:
            return text
        assert old in text, (module, old)
        return text.replace(old, new)

    monkeypatch.setattr(ids, "_source", source)
    forget_sources()
    plan = make_plan(load.parse(SEARCHED, "x"))
    monkeypatch.setattr(ids, "_source", real)
    forget_sources()
    return plan


def named(step):
    return step.names, selection_of(step)


def selection_of(step):
    return (step.selection or "") if step.kind == "final" else ""


def changed_ids(before, after):
    """The steps whose ids differ; those that run again, for the ids of their outputs differ."""
    others = {named(step): step for step in after.steps.values()}
    pairs = [(step, others[named(step)]) for step in before.steps.values()]
    assert len(pairs) == len(others)
    return tuple(
        {named(one) for one, other in pairs if getattr(one, key) != getattr(other, key)}
        for key in ("id", "unlearn_id")
    )


EVERY = ("train", "retrain", "search", "final")


@pytest.mark.parametrize(
    ("module", "old", "new", "which", "runs_again"),
    [
        ("methods.ga", "return -cross", "return +cross", {"row": "ga"}, {"row": "ga"}),
        (
            "metrics.accuracy",
            "predictions() == ",
            "predictions() != ",
            {"kind": ("retrain", "search", "final")},
            {"kind": ("search",), "selection": "tuned"},
        ),
        (
            "models.training.loader",
            "self.split) // ",
            "self.split) + ",
            {"kind": EVERY},
            {"kind": EVERY},
        ),
        (
            "catalogue.ranges",
            "return -_number(self.inner.sample",
            "return _number(self.inner.sample",
            {"row": "ugradsl", "but": "default"},
            {"row": "ugradsl", "but": "default"},
        ),
        (
            "run.tune.race",
            "return min(results",
            "return max(results",
            {"selection": "tuned"},
            {"selection": "tuned"},
        ),
        (
            "run.tune.race",
            "places - 1",
            "places - 2",
            {"number": 1, "selection": "tuned"},
            {"number": 1, "selection": "tuned"},
        ),
        (
            "run.tune.suggest",
            "% 2**32",
            "% 2**31",
            {"kind": ("search",), "selection": "tuned"},
            {"kind": ("search",), "selection": "tuned"},
        ),
    ],
)
def test_one_operator_changes_exactly_the_ids_that_depend_on_it(
    monkeypatch, module, old, new, which, runs_again
):
    before = plan_with(monkeypatch)
    after = plan_with(monkeypatch, f"mubench.{module}", old, new)
    steps = before.steps.values()
    assert changed_ids(before, after) == (
        {named(step) for step in steps if belongs(step, **which)},
        {named(step) for step in steps if belongs(step, **runs_again)},
    )


def belongs(step, row=None, kind=(), selection=None, but=None, number=-1):
    is_wanted = step.kind in kind or selection_of(step) == selection
    is_wanted = is_wanted or getattr(step, "round", None) == number
    is_of_row = row is not None and getattr(step, "label", "").startswith(row)
    return selection_of(step) != but and (is_wanted if row is None else is_of_row)


def test_no_docstring_of_the_package_is_in_an_id(monkeypatch):
    """Every docstring, comment and message of an error is another; ids stay."""
    before = plan_with(monkeypatch)
    real = ids._source
    monkeypatch.setattr(ids, "_source", lambda name: reworded(real(name)))
    forget_sources()
    after = make_plan(load.parse(SEARCHED, "x"))
    assert before.steps.keys() == after.steps.keys()
    forget_sources()


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@cache
def reworded(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and is_text(node.value):
            node.value.value = "Another sentence."
        if isinstance(node, ast.Raise):
            for part in ast.walk(node):
                if is_text(part):
                    part.value = "other words"
    return ast.unparse(tree)
