"""A user's method and its card as files, whole or broken."""

from pathlib import Path
from textwrap import indent

import yaml

from mubench.catalogue import plugins
from mubench.methods.contract.case import Case
from mubench.methods.contract.check import OF_CARDS, OF_DEFAULTS, OF_RUNS

CLAUSES = (*OF_CARDS, *OF_RUNS, *OF_DEFAULTS)

FILE = '''"""Mine: {doc}"""

import copy
import gc
import itertools
import random
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mubench.errors import Diverged, InputError, Refused
from mubench.methods.base import DescentMethod
from mubench.methods.shared.losses import cross_entropy, kl_divergence
from mubench.models.training.descent import descend

COUNT = itertools.count()


{decorator}
class Mine(DescentMethod):
    """{about}"""

    needs: ClassVar = frozenset({needs})
{fields}

    def unlearn(self, model, task, prepared):
{unlearn}
'''

DESCENT = """
retain = self.loader("retain", task)

def loss(batch):
    return {loss}

descend(model, self.settings(task), lambda _: retain.epoch(), loss, steps_per_epoch=len(retain))
"""
CE = "cross_entropy(model(batch.inputs), batch.labels).mean()"
RETAIN = DESCENT.format(loss=CE)

CARD = {
    "name": "mine",
    "title": "Mine",
    "paper": "unpublished",
    "version": 1,
    "needs": ["retain"],
    "source": "ours",
    "cost": {"forward": "epochs * n_r", "backward": "epochs * n_r"},
    "stochastic": True,
    "identity": {"epochs": 0},
    "params": {
        "learning_rate": {"default": 0.01, "range": {"log": [1.0e-4, 1.0e-1]}},
        "epochs": {"default": 5, "range": {"int": [1, 10]}},
        "batch_size": {"default": 256, "range": {"choice": [128, 256]}},
        "momentum": {"default": 0.9},
        "weight_decay": {"default": 0.0005},
        "optimizer": {"default": "sgd", "range": {"choice": ["sgd", "adamw"]}},
        "clip_norm": {"default": 0.0},
        "bn_mode": {"default": "train"},
        "augment": {"default": True},
    },
}


def mine(
    unlearn=RETAIN,
    needs=("retain",),
    fields="",
    doc="unpublished.",
    about="Descends on D_r, and more.",
    decorator="@dataclass(frozen=True, kw_only=True)",
    params=None,
    changes=None,
):
    """A user's file and its card, read as `mubench check` reads them."""
    text = FILE.format(
        doc=doc,
        about=about,
        decorator=decorator,
        needs=set(needs),
        fields=indent(fields, 4 * " "),
        unlearn=indent(unlearn, 8 * " "),
    )
    Path("mine.py").write_text(text)
    written = {**CARD, "needs": list(needs), **(changes or {})}
    written["params"] = {**CARD["params"], **(params or {})}
    Path("mine.yaml").write_text(yaml.safe_dump(written, sort_keys=False))
    plugins.add([plugins.read_plugin("mine.py")])
    return Case("mine")


def kl(student="model(batch.inputs)", teacher="task.teacher(batch.inputs)", call="", extra=CE):
    """A distillation on D_r whose call of a divergence is given."""
    call = call.format(s=student, t=teacher)
    return DESCENT.format(loss=f"{extra} + {call}")


TEACHER = ("retain", "teacher")
GOOD_KL = "kl_divergence({t}, {s}).mean()"
SCRUB = """
teacher = task.teacher
optimizer = torch.optim.SGD({parameters}, lr=0.1)
model.train()
for batch in task.loader("retain", 8, augment=True).epoch():
    loss = kl_divergence(teacher(batch.inputs), model(batch.inputs)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
"""As in a released code: the optimizer of the distillation is not given the student."""
PREPARE = """
prepare_params: ClassVar = {params}

def prepare(self, model, task):
    {before}
    return {value}
"""


def prepare(value="{'shift': torch.ones(3)}", before="pass", params=()):
    return PREPARE.format(value=value, before=before, params=params)


USE = "model.classifier.bias.data += 0.01 * prepared['shift']\n" + RETAIN
