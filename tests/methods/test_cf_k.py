"""CF-k: what stays frozen, and when it is FT."""

import pytest
import torch
from torch import nn

from mubench.methods.cf_k import CFk, last_blocks
from mubench.methods.eu_k import EUk
from mubench.methods.ft import FT
from mubench.methods.shared.layers import blocks_of
from tests.support.partial_training import SHORT, parts, picked, request_of
from tests.support.toy import blobs, same, task_of, weights


@pytest.mark.parametrize("method", [CFk, EUk])
@pytest.mark.parametrize(("k", "n_frozen"), [(0, 14), (1, 12), (2, 6), (3, 0), (9, 0)])
def test_what_is_frozen_stays_bit_for_bit_and_the_rest_moves(method, k, n_frozen, original):
    found = method(k=k, weight_decay=0.1, **SHORT).run(original, request_of()).model
    frozen, trained = parts(original, k)
    assert len(frozen) == n_frozen  # BatchNorm's averages and counts among them
    assert same(picked(found, frozen), picked(original, frozen))
    before, after = weights(original), weights(found)
    assert not [name for name in trained if torch.equal(before[name], after[name])]
    assert all(p.requires_grad for p in found.parameters())


def test_a_parameter_outside_of_all_blocks_is_frozen_unless_all_are_trained():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.ones(16))
            self.body = nn.Sequential(nn.Linear(16, 4), nn.Dropout(), nn.Linear(4, 4))
            self.classifier = nn.Linear(4, 3)
            self.modes = []

        def forward(self, x):
            self.modes.append(self.body[1].training)
            return self.classifier(self.body(x.flatten(1) + self.shift))

    task, model = task_of(blobs(20), 8), Shifted()
    for k, is_trained in ((1, False), (2, True)):
        found = CFk(k=k, **SHORT).run(model, task).model
        assert torch.equal(found.shift, model.shift) is not is_trained
        assert set(found.modes) == {is_trained}


def test_with_all_blocks_cf_k_is_fine_tuning(original):
    found, ft = (m.run(original, request_of()).model for m in (CFk(k=3, **SHORT), FT(**SHORT)))
    assert same(weights(found), weights(ft))


def test_the_last_blocks_count_from_the_classifier(original):
    blocks = blocks_of(original, 3)
    assert last_blocks(original, 3, 0) == [original.classifier]
    two = last_blocks(original, 3, 2)
    assert [part[0] for part in two[:-1]] == [block[0] for block in blocks[1:]]
    assert two[-1] is original.classifier
    assert last_blocks(original, 3, 3) == [original]
