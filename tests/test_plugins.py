"""Things from outside of the package: files given by hand, installed packages, remote workers."""

import copy
import sys
from pathlib import Path

import pytest
import torch
import yaml
from conftest import SWEEP
from sweep_world import write
from test_metrics import model

from mubench.catalogue import cards, ids, plugins
from mubench.catalogue.registry import load_method, method_source
from mubench.cli import listing
from mubench.data.dataset import load
from mubench.errors import InputError
from mubench.metrics.plugin_metrics import all_metrics
from mubench.metrics.score import score
from mubench.run.open_sweep import open_sweep
from mubench.run.tune.resume import finished
from mubench.run.tune.run_plan import run_plan
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from mubench.sweep.step_ids import sources_of

pytestmark = pytest.mark.usefixtures("no_plugins")

METHOD = '''"""Halve: one step towards zero. Nobody, arXiv 0000.00000. As in the paper."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from mubench.methods.base import Method


@dataclass(frozen=True, kw_only=True)
class Halve(Method):
    """Multiplies all weights by `factor`."""

    needs: ClassVar = frozenset({"forget"})
    factor: float = 0.5

    @torch.no_grad()
    def unlearn(self, model, task, prepared):
        for p in model.parameters():
            p.mul_(self.factor)
'''
METHOD_CARD = {
    "kind": "methods",
    "name": "halve",
    "title": "Halve",
    "paper": "Nobody, arXiv 0000.00000",
    "version": 1,
    "needs": ["forget"],
    "source": "ours",
    "cost": {"forward": "0", "backward": "0"},
    "stochastic": False,
    "identity": {"factor": 1.0},
    "params": {"factor": {"default": 0.5, "range": {"uniform": [0.1, 1.0]}}},
}
METRIC = '''"""Share of D_f that is answered with class 0."""


def compute(unlearned, retrained, original, forget_classes):
    return float((unlearned.forget.logits.argmax(1) == 0).mean())
'''
METRIC_CARD = {
    "kind": "metrics",
    "name": "zeros",
    "title": "Zeros",
    "unit": "fraction",
    "aim": "match",
    "description": "Share of D_f that is answered with class 0.",
}
DATA = '''"""Twenty stripes."""

import numpy as np

from mubench.data.sources.raw import Part, Raw, fingerprint


def read(card, data_dir):
    labels = np.arange(200) % 2
    images = np.zeros((200, 1, 8, 8), np.uint8)
    images[labels == 1, :, ::2] = 16
    images[:, 0, 0, 0] = np.arange(200) % 17
    names = tuple(card["classes"])
    return Raw(Part(images, labels), None, names, fingerprint([labels], [images]))
'''
DATA_CARD = {
    "kind": "datasets",
    "name": "stripes",
    "title": "Stripes",
    "modality": "image",
    "classes": ["plain", "striped"],
    "sizes": {"all": 200},
    "input_shape": [1, 8, 8],
    "max_value": 16,
    "mean": [0.5],
    "std": [0.5],
    "options": {},
    "augment": {"pad": 1, "flip": False},
    "fingerprint": None,
}
MODEL = '''"""One linear layer."""

from torch import nn


class Linear(nn.Module):
    def __init__(self, input_shape, num_classes):
        super().__init__()
        size = input_shape[0] * input_shape[1] * input_shape[2]
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(size, num_classes)

    def forward(self, x):
        return self.classifier(self.flatten(x))


def linear(input_shape, num_classes):
    return Linear(input_shape, num_classes)
'''


def write_plugin(folder: Path, source: str, card: dict) -> str:
    path = folder / f"{card['name']}.py"
    path.write_text(source)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    return str(path)


def model_card():
    card = dict(cards.model("small_cnn").card)
    extra = {"kind": "models", "name": "linear", "title": "Linear", "builder": "linear"}
    return {**card, **extra, "arguments": {}, "module": "linear", "parameters": 130}


def give(folder: Path, source: str = METHOD, card: dict = METHOD_CARD) -> plugins.Plugin:
    plugin = plugins.read(write_plugin(folder, source, card))
    plugins.add([plugin])
    return plugin


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


def test_another_file_of_the_same_name_takes_its_place(tmp_path):
    give(tmp_path)
    first = load_method("halve")
    give(tmp_path, METHOD.replace("factor: float = 0.5", "factor: float = 0.25"))
    assert load_method("halve")().factor == 0.25
    assert first().factor == 0.5


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


def steps(tmp_path, **changes):
    path = write(tmp_path / "tiny.yaml", **changes)
    return open_sweep(path, str(tmp_path / "store"), device="cpu").plan.steps


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


def test_a_metric_changes_what_scores_and_not_what_unlearns(tmp_path):
    before = steps(tmp_path)
    give(tmp_path, METRIC, METRIC_CARD)
    after = steps(tmp_path)
    assert {s.unlearn_id for s in before.values()} == {s.unlearn_id for s in after.values()}
    new = [after[key] for key in after.keys() - before.keys()]
    assert {s.kind for s in new} == {"retrain", "final"}
    assert all_metrics()["zeros"].title == "Zeros"


def test_all_four_kinds_run_on_workers_that_have_no_file(tmp_path):
    """Their text travels with the sweep: a worker on another machine has no such path."""
    folder = tmp_path / "mine"
    folder.mkdir()
    give(folder)
    give(folder, METRIC, METRIC_CARD)
    give(folder, DATA, DATA_CARD)
    give(folder, MODEL, model_card())
    for path in folder.iterdir():
        path.unlink()
    path = write(
        tmp_path / "own.yaml",
        methods={"halve": {}},
        shared={},
        grid={
            "dataset": ["stripes"],
            "model": ["linear"],
            "forget": [{"scenario": "random", "ratio": 0.1}],
        },
    )
    opened = open_sweep(path, str(tmp_path / "store"), device="cpu")
    assert "mubench_plugin_halve:Halve" in sources_of(opened.plan.steps.values())
    summary = run_plan(opened.plan, opened.store, Silent())
    assert {r.message for r in summary.records.values()} == {""}
    final = [r for r in summary.records.values() if r.method == "halve" and r.kind == "final"]
    assert final
    assert all(0 <= r.metrics["zeros"] <= 1 for r in final)
    assert finished(opened.plan, opened.store) is not None


class Silent:
    def start(self, schedule):
        pass

    def started(self, step):
        pass

    def finished(self, record, schedule):
        pass


def test_a_worker_with_other_code_fails_its_steps_and_says_why(tmp_path):
    from mubench.run.tune.worker import StepActor

    opened = open_sweep(write(tmp_path / "tiny.yaml"), str(tmp_path / "store"), device="cpu")
    step = next(iter(opened.plan.steps.values()))
    due = {"due": f'{{"step": "{step.id}", "params": {{}}, "candidate": null, "refusal": null}}'}
    actor = StepActor.__new__(StepActor)
    actor.config = due
    shared = {"steps": opened.plan.steps, "store_uri": str(tmp_path / "store")}
    actor.setup(due, **shared, sources=("mubench.methods.ga:GA",), code="another")
    assert "this worker has other code than the sweep was planned with" in actor.step()["record"]


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
        plugins.read(str(path))
    assert "\n" not in str(caught.value)


def test_a_name_that_mubench_has_is_refused(tmp_path):
    give(tmp_path, METHOD, {**METHOD_CARD, "name": "ga"})
    with pytest.raises(InputError, match=r"ga\.py: mubench has a method 'ga'; rename it"):
        cards.method("ga")


def test_a_metric_of_mubench_cannot_be_put_in_another_s_place(tmp_path):
    give(tmp_path, METRIC, {**METRIC_CARD, "name": "ua"})
    for check in (all_metrics, lambda: make_plan(parse(copy.deepcopy(SWEEP), "x"))):
        with pytest.raises(InputError, match=r"ua\.py: mubench has a metric 'ua'; rename it"):
            check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"aim": "up"},
            "zeros.yaml:5:1: aim: 'match', 'lower', 'higher' or 'none' is needed; got 'up'",
        ),
        ({"aim": ...}, "zeros.yaml: aim: missing"),
    ],
)
def test_a_wrong_card_of_a_metric_is_refused_before_anything_runs(tmp_path, changes, message):
    node = {key: value for key, value in {**METRIC_CARD, **changes}.items() if value is not ...}
    give(tmp_path, METRIC, node)
    with pytest.raises(InputError, match=message):
        make_plan(parse(copy.deepcopy(SWEEP), "x"))


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


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n", "a metric needs a function `compute`"),
        ("def compute(*_):\n    return float('nan')\n", "compute gave nan; give None for no value"),
    ],
)
def test_a_metric_without_a_finite_number_is_one_line(tmp_path, source, message):
    give(tmp_path, source, METRIC_CARD)
    with pytest.raises(InputError, match=message):
        score(model(0))


def test_a_metric_may_have_no_value(tmp_path):
    give(tmp_path, "def compute(*_):\n    return None\n", METRIC_CARD)
    assert "zeros" not in score(model(0)).values


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
    found = load(card, {}, ("train", "test"), "cpu", tokens=tokens)
    assert (len(found.train), len(found.test), found.input_shape) == (44, 12, (128,))
    batch = found.test.take(torch.arange(12))
    assert (batch.labels == batch.ids % 2).all()
    assert batch.inputs["attention_mask"].sum(1).min() > 3
