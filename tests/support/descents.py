"""Splits, recipes and runs of descents."""

import torch
from torch.nn import functional as F

from mubench.models.recipe import Recipe
from mubench.models.training.descent import Hooks, descend
from mubench.models.training.loader import Loader
from tests.support.toy import blobs

SPLIT = blobs(21)
CPU = torch.device("cpu")


def cross_entropy(model):
    return lambda batch: F.cross_entropy(model(batch.inputs), batch.labels)


def run(model, settings_, *, batch_size=8, seed=0, loss=None, after_epoch=None):
    loader = Loader(SPLIT, batch_size, seed=seed, name="train")
    return descend(
        model,
        settings_,
        lambda _: loader.epoch(),
        loss or cross_entropy(model),
        steps_per_epoch=len(loader),
        hooks=Hooks(after_epoch=after_epoch) if after_epoch else None,
    )


def recipe(**values):
    return Recipe(**{"epochs": 4, "batch_size": 8, "learning_rate": 0.1, **values})
