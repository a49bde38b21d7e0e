"""Plug-ins as files."""

from pathlib import Path

import yaml

from mubench.catalogue import plugins
from mubench.run.open_sweep import open_sweep
from tests.support.sweep_world import write

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


def write_plugin(folder: Path, source: str, card: dict) -> str:
    path = folder / f"{card['name']}.py"
    path.write_text(source)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    return str(path)


def give(folder: Path, source: str = METHOD, card: dict = METHOD_CARD) -> plugins.Plugin:
    plugin = plugins.read_plugin(write_plugin(folder, source, card))
    plugins.add([plugin])
    return plugin


def steps(tmp_path, **changes):
    path = write(tmp_path / "tiny.yaml", **changes)
    return open_sweep(path, str(tmp_path / "store"), device="cpu").plan.steps
