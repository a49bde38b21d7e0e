"""The contract's small world: data that nets learn, and nets that differ only by their seed."""

import pytest
import torch

from tests.support.toy import (
    CLASSES,
    accuracy,
    blobs,
    conv,
    mlp,
    same,
    task_of,
    text,
    tokens,
    train,
    weights,
)


@pytest.mark.parametrize(
    ("net", "data"), [(mlp, blobs), (conv, blobs), (text, tokens)], ids=["mlp", "conv", "text"]
)
def test_a_net_learns_its_data(net, data):
    model, split = net(), data(60)
    before = accuracy(model, split)
    train(model, split)
    assert before < 0.8 < accuracy(model, split)
    assert not model.training
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("net", [mlp, conv, text])
def test_the_seed_of_a_net_decides_its_weights_and_no_generator_moves(net):
    before = torch.get_rng_state()
    assert same(weights(net()), weights(net()))
    assert not same(weights(net()), weights(net(seed=1)))
    assert torch.equal(before, torch.get_rng_state())


def test_a_request_divides_all_examples():
    task = task_of(blobs(30), 8)
    ids = torch.cat([task.forget.ids, task.retain.ids])
    assert (len(task.forget), len(task.retain)) == (8, 22)
    assert ids.tolist() == list(range(30))
    assert set(task.retain.labels.tolist()) == set(range(CLASSES))
