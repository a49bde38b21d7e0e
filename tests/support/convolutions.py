"""A small convolutional net and its task."""

import torch
from torch.nn.functional import cross_entropy

from tests.support.toy import blobs, conv, task_of

ONE_BATCH = {"momentum": 0.0, "weight_decay": 0.0, "augment": False, "batch_size": 100}


def net():
    return conv().double().eval()


def task_with(n_forget, n):
    return task_of(blobs(n, dtype=torch.float64), n_forget, new_model=net)


def whole(split):
    return split.take(torch.arange(len(split)))


def loss_of(model, batch):
    return cross_entropy(model(batch.inputs), batch.labels)
