"""Mixed epochs: every place is as likely to be of the forget set."""

import pytest
import torch

from mubench.methods.shared.mixed_batches import mixed_epoch
from tests.support.toy import blobs, task_of


def test_every_place_of_a_mixed_epoch_is_as_likely_to_be_of_the_forget_set():
    task = task_of(blobs(20), 5)
    forget, retain = (task.loader(name, 5, augment=False) for name in ("forget", "retain"))
    order, epochs = task.generator("mixed"), 1000
    drawn = [[m.n_forget for m in mixed_epoch(forget, retain, order)] for _ in range(epochs)]
    counts = torch.tensor(drawn).double()
    variance = 5 * 0.25 * 0.75 * (20 - 5) / (20 - 1)  # hypergeometric: 5 of 20 places, 5 taken
    assert (counts.mean(0) - 5 * 0.25).abs().max() < 4 * (variance / epochs) ** 0.5
    assert counts.var().item() == pytest.approx(variance, rel=0.1)
