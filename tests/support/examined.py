"""Models to examine, with all that evidence compares them with."""

import torch

from mubench.evidence.subject import Subject
from mubench.models.recipe import Recipe
from tests.support.toy import CLASSES, blobs, mlp, split_of

RECIPE = Recipe(epochs=5, batch_size=8, learning_rate=0.5, momentum=0.0, weight_decay=0.0)


def subject(model=None, *, n=60, n_forget=20, split=None, recipe=RECIPE, **changes):
    """A model on the first `n_forget` of some blobs as D_f, the others as D_r."""
    whole = blobs(n) if split is None else split
    rows = torch.arange(len(whole))
    fields = {
        "model": mlp() if model is None else model,
        "original": mlp(1),
        "retrained": mlp(2),
        "forget": whole.subset(rows[:n_forget]),
        "retain": whole.subset(rows[n_forget:]),
        "recipe": recipe,
        "num_classes": CLASSES,
        "seed": 3,
    }
    return Subject(**{**fields, **changes})


def broken():
    """Examples on which no training stays finite."""
    return split_of(torch.full((9, 1, 4, 4), torch.nan), torch.arange(9) % CLASSES)
