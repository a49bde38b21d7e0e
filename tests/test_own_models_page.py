"""Every snippet of `docs/own-models.md` runs as it stands."""

import re
from types import SimpleNamespace

import pytest
import torch
import yaml
from torch import nn

from mubench.catalogue import plugins
from mubench.models.build import build_model
from mubench.run.open_sweep import open_sweep
from tests.support.own_models import texts, write_folder
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("no_plugins", "cache_dir", "plain_environment")

TEXT = (ROOT / "docs" / "own-models.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SWEEPS = [text for kind, text in BLOCKS if kind == "yaml"]
MODULE, API = (text for kind, text in BLOCKS if kind == "python")


@pytest.fixture
def given(tmp_path):
    """The files that the page speaks of, in a folder."""
    write_folder(tmp_path / "my_bert", "bert")
    (tmp_path / "my_models.py").write_text(MODULE)
    plugins.add([plugins.read_code(str(tmp_path / "my_models.py"))])
    scope = {}
    exec(MODULE, scope)
    torch.save(scope["net"]((1, 8, 8), 10, 32).state_dict(), tmp_path / "my_weights.pt")
    return tmp_path


def test_the_page_has_a_snippet_for_each_kind():
    assert len(SWEEPS) == 4
    assert all(any(word in text for text in SWEEPS) for word in ("timm", "transformers", "weights"))


@pytest.mark.parametrize("snippet", SWEEPS, ids=lambda text: text.split(":")[1].strip(" {"))
def test_a_snippet_of_a_sweep_is_planned_and_its_model_is_built(given, snippet):
    if "timm" in snippet:
        pytest.importorskip("timm")
    is_text = "transformers" in snippet
    grid = {
        "dataset": "newsgroups" if is_text else "digits",
        "forget": [{"scenario": "random", "ratio": 0.1}],
        **yaml.safe_load(snippet),
    }
    sweep = {"name": "mine", "grid": grid, "methods": {"ft": {}}}
    (given / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    plan = open_sweep(str(given / "sweep.yaml"), str(given / "store"), device="cpu").plan
    card = next(iter(plan.steps.values())).training.model.card.card
    if card["arguments"].get("pretrained") and not is_text:
        card = {**card, "arguments": {**card["arguments"], "pretrained": False}}  # no network here
    model = build_model(card, 10, (32,) if is_text else (1, 8, 8), 0)
    inputs = texts() if is_text else torch.ones(2, 1, 8, 8)
    assert model(inputs).shape[1] == 10


def test_the_snippet_for_ones_own_code_runs(capsys):
    def data(n):
        return torch.randn(n, 4, generator=torch.Generator().manual_seed(n)), torch.arange(n) % 3

    names = SimpleNamespace(forget=data(6), retain=data(12), test=data(9), model=nn.Linear(4, 3))
    exec(API, vars(names))
    assert 0 <= float(capsys.readouterr().out) <= 1
    assert type(names.unlearned) is nn.Linear
