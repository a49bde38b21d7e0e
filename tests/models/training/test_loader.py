"""Loaders: orders, streams, seeds and augmentation."""

import math
from collections import Counter
from itertools import chain

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.models.training.loader import Loader
from tests.support.descents import SPLIT
from tests.support.toy import blobs, same, tokens


def ids(batches):
    return [batch.ids.tolist() for batch in batches]


@settings(max_examples=50)
@given(n=st.integers(1, 40), size=st.integers(1, 50), epochs=st.integers(1, 3))
def test_every_example_comes_once_in_an_epoch_and_no_batch_is_a_short_tail(n, size, epochs):
    loader = Loader(blobs(n), size, seed=0, name="forget")
    for _ in range(epochs):
        batches = ids(loader.epoch())
        assert sorted(chain.from_iterable(batches)) == list(range(n))
        sizes = [len(batch) for batch in batches]
        assert sizes == loader.sizes
        assert max(sizes) <= size
        assert max(sizes) - min(sizes) <= 1
        assert len(batches) == len(loader) == math.ceil(n / size)


@settings(max_examples=50)
@given(n=st.integers(1, 20), sizes=st.lists(st.integers(1, 25), min_size=1, max_size=12))
def test_an_endless_stream_gives_every_example_once_per_shuffle(n, sizes):
    """Whatever the sizes asked for: the stream goes on, and tails are filled from the next one."""
    loader = Loader(blobs(n), 4, seed=0, name="retain")
    cut = len(sizes) // 2  # the stream goes on from one call to the next
    found = ids(chain(loader.cycle(sizes[:cut]), loader.cycle(sizes[cut:])))
    assert [len(batch) for batch in found] == [min(size, n) for size in sizes]
    stream = list(chain.from_iterable(found))
    counts = Counter(stream[: len(stream) // n * n])
    assert set(counts.values()) <= {len(stream) // n}
    for start in range(0, len(stream) - n + 1, n):
        assert sorted(stream[start : start + n]) == list(range(n))


def test_each_pass_has_an_order_of_its_own():
    loader = Loader(SPLIT, 21, seed=0, name="train")
    orders = [tuple(ids(loader.epoch())[0]) for _ in range(4)]
    orders += [tuple(batch) for batch in ids(loader.cycle([21] * 4))]
    assert len(set(orders)) == 8
    assert tuple(range(21)) not in orders


def test_batches_depend_on_seed_and_name_alone():
    def order(seed, name):
        return ids(Loader(SPLIT, 4, seed=seed, name=name).epoch())

    torch.manual_seed(5)
    first = order(0, "forget")
    torch.manual_seed(6)
    other = Loader(SPLIT, 4, seed=0, name="retain")
    list(other.cycle([3]))
    assert order(0, "forget") == first
    assert order(1, "forget") != first
    assert order(0, "retain") != first


def test_augmentation_draws_from_a_generator_of_its_own():
    plain = list(Loader(SPLIT, 4, seed=0, name="train").epoch())
    augmented = list(Loader(SPLIT, 4, seed=0, name="train", augment=True).epoch())
    again = list(Loader(SPLIT, 4, seed=0, name="train", augment=True).epoch())
    assert ids(plain) == ids(augmented)
    assert not torch.equal(plain[0].inputs, augmented[0].inputs)
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(augmented, again, strict=True))


def test_a_batch_pairs_inputs_labels_and_ids():
    for split in (SPLIT, tokens(9)):
        for batch in Loader(split, 4, seed=0, name="train").epoch():
            whole = split.take(torch.arange(len(split)))
            assert torch.equal(batch.labels, whole.labels[batch.ids])
            name = "input_ids" if isinstance(batch.inputs, dict) else None
            ours = batch.inputs[name] if name else batch.inputs
            theirs = whole.inputs[name] if name else whole.inputs
            assert torch.equal(ours, theirs[batch.ids])


def test_augmentation_changes_no_order_in_later_epochs():
    plain, augmented = (Loader(blobs(21), 4, seed=0, name="x", augment=a) for a in (False, True))
    for _ in range(3):
        found = [[batch.ids.tolist() for batch in each.epoch()] for each in (plain, augmented)]
        assert found[0] == found[1]


@settings(max_examples=50)
@given(n=st.integers(1, 20), size=st.integers(1, 25), whole=st.integers(0, 2), data=st.data())
def test_a_loader_goes_on_from_its_state_with_the_batches_that_followed(n, size, whole, data):
    loader = Loader(blobs(n), size, seed=0, name="train", augment=True)
    other = Loader(blobs(n), size, seed=9, name="else", augment=True)
    for _ in range(whole):
        list(loader.epoch())
    epoch = loader.epoch()
    for _ in range(data.draw(st.integers(1, len(loader)))):
        next(epoch)
    state = {name: value.clone() for name, value in loader.state_dict().items()}
    other.load_state_dict(state)
    for expected, found in ((epoch, other.epoch()), (loader.epoch(), other.epoch())):
        for a, b in zip(expected, found, strict=True):
            assert torch.equal(a.ids, b.ids)
            assert torch.equal(a.inputs, b.inputs)
            assert same(loader.state_dict(), other.state_dict())


def test_an_epoch_that_is_given_up_is_not_continued():
    loader, other = (Loader(SPLIT, 4, seed=0, name="train") for _ in range(2))
    next(loader.epoch())
    list(other.epoch())
    assert ids(loader.epoch()) == ids(other.epoch())


def test_of_an_empty_split_there_is_no_example():
    loader = Loader(SPLIT.subset(torch.tensor([], dtype=torch.int64)), 4, seed=0, name="retain")
    assert loader.sizes == []
    assert ids(loader.cycle([0, 3])) == [[], []]
