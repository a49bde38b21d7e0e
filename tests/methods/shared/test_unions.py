"""Several sets of examples in one shuffled epoch."""

from itertools import chain

import pytest
import torch

from mubench.methods.shared.unions import union_epoch, union_steps
from mubench.models.training.loader import Loader
from tests.support.toy import blobs


def loaders_of(sizes, batch_size):
    """Loaders of disjoint parts, in order, of one data set."""
    parts = torch.arange(sum(sizes)).split(sizes)
    full = blobs(sum(sizes))
    return [
        Loader(full.subset(part), batch_size, seed=0, name=str(k)) for k, part in enumerate(parts)
    ]


@pytest.mark.parametrize(("sizes", "batch_size"), [([3, 5, 9], 4), ([7], 3), ([1, 1], 8)])
def test_every_example_comes_once_in_even_batches(sizes, batch_size):
    loaders = loaders_of(sizes, batch_size)
    order = torch.Generator().manual_seed(0)
    for _ in range(2):
        batches = list(union_epoch(loaders, order))
        ids = [batch.ids.tolist() for batch in batches]
        assert sorted(chain.from_iterable(ids)) == list(range(sum(sizes)))
        lengths = [len(each) for each in ids]
        assert max(lengths) - min(lengths) <= 1
        assert len(batches) == union_steps(loaders) == -(-sum(sizes) // batch_size)
        assert all(torch.equal(batch.labels, batch.ids % 3) for batch in batches)


def test_the_sets_are_mixed_and_the_order_decides_how():
    def shares(seed):
        loaders = loaders_of([32, 32], 8)
        batches = union_epoch(loaders, torch.Generator().manual_seed(seed))
        return [int((batch.ids < 32).sum()) for batch in batches]

    assert shares(1) == shares(1) != shares(2)
    assert len(set(shares(1))) > 1
    assert 0 < min(shares(1)) < max(shares(1)) < 8
