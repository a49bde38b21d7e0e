"""Sweeps of models of other libraries run to the end: train, retrain, search, final."""

import pytest

from mubench.catalogue import plugins
from mubench.run.open_sweep import open_sweep
from mubench.run.trial import run_step
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from tests.support.own_models import write_folder, write_net
from tests.support.own_sweep import write

pytestmark = pytest.mark.usefixtures("no_plugins", "cache_dir", "plain_environment")

ODD = '''"""Gives features, logits and auxiliary logits; a part is frozen."""

from torch import nn

from parts import block


class Odd(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.stem = block(channels, 4)
        self.norm = nn.BatchNorm2d(4).requires_grad_(False)
        self.body = nn.Sequential(block(4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc, self.aux = nn.Linear(4, classes), nn.Linear(4, classes)

    def forward(self, images):
        features = self.body(self.norm(self.stem(images)))
        return features, self.fc(features), self.aux(features)


def net(input_shape, num_classes):
    return Odd(input_shape[0], num_classes)
'''


QUICK = {"ft": {"epochs": 1}, "cf_k": {"epochs": 1}, "ssd": {}, "ff": {"fisher_examples": 8}}


def records(folder, *models, methods=tuple(QUICK)):
    quick = {name: QUICK[name] for name in methods}
    digits = {"name": "digits", "train_size": 200, "holdout_size": 50}
    path = write(folder, *models, methods=quick, floor=0, dataset=digits)
    plan = open_sweep(path, str(folder / "store"), device="cpu", decode=True).plan
    workspace = Workspace(Store(str(folder / "store")))
    defaults = [s for s in plan.steps.values() if s.kind != "search" and not getattr(s, "study", 0)]
    order = {"train": 0, "retrain": 1, "final": 2}
    return [run_step(step, workspace) for step in sorted(defaults, key=lambda s: order[s.kind])]


def test_a_module_with_odd_outputs_and_frozen_parts(tmp_path):
    plugins.add([plugins.read_code(write_net(tmp_path, ODD))])
    found = records(tmp_path, {"module": "my_models:net"})
    assert {(record.status, record.message) for record in found} == {("ok", "")}
    assert {record.row for record in found} >= {"ft", "cf_k", "ssd", "ff"}


def test_a_model_of_timm(tmp_path):
    pytest.importorskip("timm")
    found = records(tmp_path, {"timm": "mobilenetv3_small_050"}, methods=("ft",))
    assert {(record.status, record.message) for record in found} == {("ok", "")}


def test_a_folder_of_images_of_transformers(tmp_path):
    write_folder(tmp_path / "vit", "vit", weights=False)
    found = records(tmp_path, {"transformers": "vit", "arguments": {"num_hidden_layers": 1}})
    assert {(record.status, record.message) for record in found} == {("ok", "")}
