import torch
from torch import nn

from mubench.methods.contract.norm_watch import are_all_of, watching_norms
from tests.support.toy import blobs


def net():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def test_only_images_that_move_statistics_are_kept():
    model, images = net(), torch.randn(5, 1, 4, 4)
    with watching_norms() as batches:
        model.eval()(images)
        model.train()(2 * images)
    model(images)
    assert len(batches) == 1
    assert torch.equal(batches[0], 2 * images)


def test_images_belong_to_the_split_whose_examples_are_nearer():
    split = blobs(20)
    ours, others = split.subset(torch.arange(10)), split.subset(torch.arange(10, 20))
    inputs = ours.take(torch.arange(10)).inputs
    assert are_all_of(inputs + 0.01, ours, others)
    assert not are_all_of(inputs + 0.01, others, ours)
    mixed = torch.cat([inputs[:3], others.take(torch.arange(1)).inputs])
    assert not are_all_of(mixed, ours, others)
