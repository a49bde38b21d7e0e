"""A small net and its blocks."""

import torch
from torch import nn

from mubench.methods.shared.layers import blocks_of
from mubench.models.cnn import small_cnn
from tests.support.toy import blobs, task_of, weights

SHORT = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01}
PLAIN_SGD = {"momentum": 0.0, "weight_decay": 0.0, "augment": False}


def cnn(seed=0):
    """Two convolutions with BatchNorm, one hidden layer, the classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return small_cnn((1, 4, 4), 3, width=4, hidden=6)


def request_of(n=30):
    return task_of(blobs(n), 10, new_model=cnn)


def parts(model, k):
    """Names in the state of what is frozen and what is trained."""
    blocks = [*blocks_of(model, 3), nn.ModuleList([model.classifier])]
    first = max(0, len(blocks) - 1 - k)
    tensors = {t.data_ptr() for block in blocks[first:] for t in block.state_dict().values()}
    names = {name: t.data_ptr() in tensors for name, t in model.state_dict().items()}
    return [n for n, is_trained in names.items() if not is_trained], [
        n for n, is_trained in names.items() if is_trained
    ]


def picked(model, names):
    state = weights(model)
    return {name: state[name] for name in names}
