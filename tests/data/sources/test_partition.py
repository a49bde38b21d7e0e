"""The division into splits by hashed ids: no order of storage matters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.data.cache.decoded import SPLITS
from mubench.data.sources.partition import hash_ids, hash_keys, hold_out, partition


def test_the_splits_of_digits_are_those_of_the_first_release(digits):
    """Stored references name these hashes; a change of the split must be a decision."""
    assert {name: found[:16] for name, found in digits.split_hash.items()} == {
        "train": "7b463dcfe0284cee",
        "validation": "56a9225c18289646",
        "test": "3f468104bc57c18e",
    }
    for name in SPLITS:
        assert digits.split_hash[name] == hash_ids(getattr(digits, name).ids.numpy())


@settings(derandomize=True, deadline=None, max_examples=30)
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=60), seed=st.integers(0, 2**32 - 1))
def test_a_split_ignores_the_order_in_which_examples_are_stored(labels, seed):
    labels, ids = np.array(labels), np.arange(len(labels)) * 7 + 3
    order = np.random.default_rng(seed).permutation(len(ids))
    for has_test in (True, False):
        here = partition(labels, ids, has_test=has_test)
        there = partition(labels[order], ids[order], has_test=has_test)
        assert np.array_equal(np.sort(np.concatenate(list(here.values()))), np.arange(len(ids)))
        assert {n: set(ids[p]) for n, p in here.items()} == {
            n: set(ids[order][p]) for n, p in there.items()
        }


def test_holding_out_takes_the_share_of_every_class():
    labels = np.repeat([0, 1, 2], [10, 25, 100])
    held, rest = hold_out(labels, np.arange(135), 0.2, "here", 1)
    assert np.bincount(labels[held]).tolist() == [2, 5, 20]
    assert len(held) + len(rest) == 135
    assert set(held) != set(hold_out(labels, np.arange(135), 0.2, "here", 2)[0])


def splitmix64(state: int) -> int:
    """The oracle: the published algorithm in Python's integers."""
    mask = 2**64 - 1
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)


def test_keys_are_those_of_splitmix64():
    from mubench.catalogue.seeds import derive_seed

    start = derive_seed("a", 1)
    expected = [splitmix64((start + i * 0x9E3779B97F4A7C15) % 2**64) for i in range(5)]
    assert hash_keys(np.arange(5), "a", 1).tolist() == expected
