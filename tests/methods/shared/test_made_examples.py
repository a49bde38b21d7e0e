"""Examples that a method makes: as they are, whatever augmentation is asked for."""

import torch

from mubench.methods.shared.made_examples import made_examples
from mubench.models.training.loader import Loader


def test_made_examples_keep_inputs_and_labels_and_are_never_augmented():
    inputs, labels = torch.rand(5, 2, 3, 3), torch.tensor([2, 0, 1, 1, 2])
    split = made_examples(inputs, labels)
    [batch] = Loader(split, 5, seed=0, name="x", augment=True).epoch()
    order = batch.ids
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert torch.equal(batch.inputs, inputs[order])
    assert torch.equal(batch.labels, labels[order])
    assert split.pixels is None
