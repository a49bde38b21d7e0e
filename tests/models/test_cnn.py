"""The small CNN memorises labels, right and wrong."""

import pytest
import torch
from torch import nn

from tests.support.built_models import make


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_small_cnn_memorises_labels_right_and_wrong(kind):
    """Unlearning needs a model that has memorised: 100 random images, right or shuffled labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 10
    x = torch.rand(100, 1, 8, 8, generator=generator) + labels.view(-1, 1, 1, 1) / 10
    if kind == "wrong":
        labels = labels[torch.randperm(100, generator=generator)]
    model = make("small_cnn").train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    with torch.no_grad():
        assert (model.eval()(x).argmax(1) == labels).all()
