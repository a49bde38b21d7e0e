"""Plug-ins: files given by hand, installed packages, and what cannot be read."""

import copy
import sys

import pytest
import torch
import yaml

from mubench.catalogue import cards, ids, plugins
from mubench.catalogue.registry import load_method, method_source
from mubench.cli import listing
from mubench.data.dataset import load_dataset
from mubench.errors import InputError
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.plugin_files import METHOD, METHOD_CARD, give, steps
from tests.support.small_sweep import SWEEP

pytestmark = pytest.mark.usefixtures("no_plugins")


def test_a_file_given_by_hand_is_a_method_like_any_other(tmp_path):
    give(tmp_path)
    assert cards.method("halve").space.defaults == {"factor": 0.5}
    assert "halve" in cards.names("methods")
    cls = load_method("halve")
    assert cls.__name__ == "Halve"
    assert cls is load_method("halve")
    assert any(entry["name"] == "halve" for entry in listing.entries("methods"))


def test_reading_a_plugin_runs_none_of_its_code(tmp_path):
    plugin = give(tmp_path, "raise SystemExit", METHOD_CARD)
    assert plugin.module not in sys.modules
    assert cards.method("halve").title == "Halve"
    with pytest.raises(SystemExit):
        load_method("halve")


def test_the_source_of_a_plugin_is_part_of_its_content_id(tmp_path):
    plugin = give(tmp_path)
    root = f"{plugin.module}:Halve"
    assert method_source("halve") == root
    before = ids.source_id(root)
    assert ids.Definition("mubench.methods.base", "Method") in ids.closure(root)
    give(tmp_path, METHOD + "# a comment does not count\n")
    assert ids.source_id(root) == before
    give(tmp_path, METHOD.replace("mul_(self.factor)", "mul_(self.factor**2)"))
    assert ids.source_id(root) != before


def method_of(step):
    return getattr(step, "method", "")


def test_a_plugin_that_changes_runs_again_and_nothing_else_does(tmp_path):
    give(tmp_path)
    methods = {"halve": {}, "ga": {}}
    before = steps(tmp_path, methods=methods)
    give(tmp_path, METHOD.replace("mul_(self.factor)", "mul_(self.factor**2)"))
    after = steps(tmp_path, methods=methods)
    assert {method_of(before[key]) for key in before.keys() - after.keys()} == {"halve"}
    assert {method_of(after[key]) for key in before.keys() & after.keys()} >= {"ga", "original"}


def test_an_installed_package_names_its_plugins(tmp_path, monkeypatch):
    package = tmp_path / "lab_tools"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "halving.py").write_text(
        "from lab_tools.factors import HALF\n" + METHOD.replace("float = 0.5", "float = HALF")
    )
    (package / "factors.py").write_text("HALF = 0.5\n")
    (package / "halve.yaml").write_text(yaml.safe_dump({**METHOD_CARD, "name": "halve"}))
    info = tmp_path / "lab_tools-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-tools\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mubench.methods]\nhalve = lab_tools.halving\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    forget_caches()
    try:
        assert "halve" in cards.names("methods")
        assert load_method("halve").__module__ == "lab_tools.halving"
        used = {each.module for each in ids.closure(method_source("halve"))}
        assert {"lab_tools.halving", "lab_tools.factors"} <= used
        (package / "halve.yaml").unlink()
        forget_caches()
        with pytest.raises(InputError, match=r"halve = lab_tools\.halving: its card lies beside"):
            cards.method("halve")
        (info / "entry_points.txt").write_text("[mubench.methods]\nhalve = lab_tools.nothing\n")
        forget_caches()
        with pytest.raises(InputError, match=r"halve = lab_tools\.nothing: there is no such modu"):
            cards.method("halve")
    finally:
        monkeypatch.undo()
        forget_caches()


def forget_caches():
    cached = (
        plugins._entry_points,
        plugins._installed,
        plugins.packages,
        ids._path,
        ids._is_science,
    )
    for function in cached:
        function.cache_clear()


@pytest.mark.parametrize(
    ("file", "card", "message"),
    [
        ("halve.txt", None, "a plug-in is a Python file whose name can be imported"),
        ("ha-lve.py", None, "a plug-in is a Python file whose name can be imported"),
        ("halve.py", None, r"halve\.yaml: the card of a plug-in lies beside it; No such file"),
        ("halve.py", "- a\n", r"halve\.yaml: a card is a mapping with name, title"),
        ("halve.py", "a: [", r"halve\.yaml:1:5: not YAML: while parsing"),
        ("halve.py", "kind: method\n", r"kind: 'method' is unknown; did you mean 'methods'"),
    ],
)
def test_a_plugin_that_cannot_be_read_is_one_line(tmp_path, file, card, message):
    path = tmp_path / file
    path.write_text(METHOD)
    if card is not None:
        path.with_suffix(".yaml").write_text(card)
    with pytest.raises(InputError, match=message) as caught:
        plugins.read_plugin(str(path))
    assert "\n" not in str(caught.value)


def test_a_name_that_mubench_has_is_refused(tmp_path):
    give(tmp_path, METHOD, {**METHOD_CARD, "name": "ga"})
    with pytest.raises(InputError, match=r"ga\.py: mubench has a method 'ga'; rename it"):
        cards.method("ga")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"needs": None}, "needs: a list is needed; got None"),
        ({"needs": "retain"}, "needs: a list is needed; got 'retain'"),
        ({"params": ["a", "b"]}, "params: a mapping is needed; got"),
        ({"refuses": ["text"]}, "refuses: a mapping is needed; got"),
        ({"version": "one"}, "version: a whole number is needed; got 'one'"),
        (
            {"params": {"factor": {"default": 0.5, "when": "sgd"}}},
            "factor.when: a mapping is needed",
        ),
        ({"params": {"factor": {"default": 0.5, "when": {"x": 1}}}}, "when: must name hyperparam"),
        (
            {"params": {"factor": {"default": "a", "values": "ab"}}},
            "factor.values: a list is needed",
        ),
    ],
)
def test_a_card_of_the_wrong_shape_is_one_line(tmp_path, changes, message):
    give(tmp_path, METHOD, {**METHOD_CARD, **changes})
    with pytest.raises(InputError, match=message):
        cards.method(METHOD_CARD["name"])


def test_a_plugin_that_python_cannot_read_is_one_line_in_a_plan(tmp_path):
    give(tmp_path, "class:\n", METHOD_CARD)
    sweep = copy.deepcopy(SWEEP)
    sweep["methods"] = {METHOD_CARD["name"]: {}}
    with pytest.raises(InputError, match="cannot be parsed: invalid syntax in line 1"):
        make_plan(parse(sweep, "x"))


TEXTS = '''"""Notes of two kinds."""

import numpy as np

from mubench.data.sources.raw import Part, Raw, fingerprint


def read(card, data_dir):
    labels = np.arange(60) % 2
    texts = [f"note {i} on {'birds' if i % 2 else 'stars'}" for i in range(60)]
    names = tuple(card["classes"])
    return Raw(Part(texts, labels), None, names, fingerprint([labels], [texts]))
'''
TEXT_CARD = {
    "kind": "datasets",
    "name": "notes",
    "title": "Notes",
    "modality": "text",
    "classes": ["stars", "birds"],
    "sizes": {"all": 60},
    "options": {},
    "fingerprint": None,
}


def test_a_data_set_of_texts_is_loaded_like_any_other(tmp_path, monkeypatch):
    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "cache"))
    give(tmp_path, TEXTS, TEXT_CARD)
    tokens = cards.model("bert_tiny").tokens
    card = cards.dataset("notes").card
    found = load_dataset(card, {}, ("train", "test"), "cpu", tokens=tokens)
    assert (len(found.train), len(found.test), found.input_shape) == (44, 12, (128,))
    batch = found.test.take(torch.arange(12))
    assert (batch.labels == batch.ids % 2).all()
    assert batch.inputs["attention_mask"].sum(1).min() > 3
