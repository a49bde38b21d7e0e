"""Cards, splits, options and what a split may lead to. The data are scikit-learn's digits."""

import gc
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.catalogue import cards
from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import flip_labels, load
from mubench.data.partition import hash_ids, hash_keys, hold_out, partition
from mubench.errors import DataError, InputError

NAMES = cards.names("datasets")


def read_card(name: str) -> dict:
    return dict(cards.dataset(name).card)


@pytest.fixture(scope="module")
def card():
    return read_card("digits")


@pytest.fixture(scope="module")
def digits(card):
    return load(card, {}, SPLITS, "cpu")


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_complete_and_agrees_with_itself(name):
    card = read_card(name)
    assert card["name"] == name
    if card["modality"] == "image":
        assert len(card["mean"]) == len(card["std"]) == card["input_shape"][0]
        assert {"augment", "max_value"} <= set(card)
    assert len(set(card["classes"])) == len(card["classes"])
    assert all(isinstance(label, str) for label in card["classes"])
    assert set(card["sizes"]) == set(SPLITS)
    assert {"title", "sources", "modality", "options", "citation"} <= set(card)


def test_the_card_of_digits_states_what_is_loaded(card, digits):
    assert {name: len(getattr(digits, name)) for name in SPLITS} == card["sizes"]
    assert digits.fingerprint == card["fingerprint"]
    assert digits.class_names == tuple(card["classes"])
    assert (digits.num_classes, digits.input_shape) == (10, (1, 8, 8))
    inputs = digits.train.take(torch.arange(len(digits.train))).inputs
    assert inputs.mean().item() == pytest.approx(0, abs=1e-3)
    assert inputs.std().item() == pytest.approx(1, abs=1e-3)


def test_the_splits_are_disjoint_and_cover_the_data_set(digits):
    ids = torch.cat([getattr(digits, name).ids for name in SPLITS])
    assert torch.equal(ids.sort().values, torch.arange(1797))


def test_the_splits_are_stratified(digits):
    counts = {name: torch.bincount(getattr(digits, name).labels, minlength=10) for name in SPLITS}
    total = sum(counts.values())
    assert ((counts["test"] - 0.2 * total).abs() <= 0.5).all()
    assert ((counts["validation"] - 0.1 * (total - counts["test"])).abs() <= 0.5).all()


def test_the_splits_of_digits_are_those_of_the_first_release(digits):
    """Stored references name these hashes; a change of the split must be a decision."""
    assert {name: found[:16] for name, found in digits.split_hash.items()} == {
        "train": "7b463dcfe0284cee",
        "validation": "56a9225c18289646",
        "test": "3f468104bc57c18e",
    }
    for name in SPLITS:
        assert digits.split_hash[name] == hash_ids(getattr(digits, name).ids.numpy())


def test_only_the_splits_asked_for_are_loaded(card, digits):
    searched = load(card, {}, ("train", "validation"), "cpu")
    assert searched.test is None
    assert load(card, {}, ("test",), "cpu").train is None
    assert searched.split_hash == digits.split_hash
    with pytest.raises(InputError, match=r"^split tets: unknown; did you mean 'test'\?$"):
        load(card, {}, ("tets",), "cpu")


def reachable_tensors(root: object) -> list[torch.Tensor]:
    """Every tensor that references lead to from `root`; code and types are not followed."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    found, seen, queue = [], set(), [root]
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, code):
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            found.append(thing)
        queue.extend(gc.get_referents(thing))
    return found


@pytest.mark.parametrize("name", ["train", "validation"])
def test_nothing_reachable_from_a_split_leads_to_another_splits_examples(digits, name):
    split = getattr(digits, name)
    tensors = reachable_tensors(split)
    rows = [tensor for tensor in tensors if tensor.ndim and len(tensor) == len(split)]
    assert {tensor.dtype for tensor in rows} == {torch.uint8, torch.int64}
    for tensor in tensors:
        assert len(tensor) in (len(split), 1), "neither the examples nor a channel's mean"
        # A view would hold on to the memory of the whole data set.
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
    assert any(torch.equal(tensor, split.ids) for tensor in rows)


def test_a_split_gives_each_example_with_its_own_pixels(card, digits):
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for name in SPLITS:
        split = getattr(digits, name)
        batch = split.take(torch.arange(len(split)))
        images = (bunch.images[batch.ids] / 16 - card["mean"][0]) / card["std"][0]
        assert batch.inputs[:, 0].numpy() == pytest.approx(images, abs=1e-5)
        assert np.array_equal(batch.labels, bunch.target[batch.ids])


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


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_flipping_changes_that_share_of_training_labels_and_no_other(card, digits, share):
    noisy = load(card, {"flip_labels": share}, SPLITS, "cpu")
    wrong = noisy.train.labels != digits.train.labels
    assert wrong.sum() == round(share * len(digits.train))
    assert torch.equal(noisy.validation.labels, digits.validation.labels)
    assert torch.equal(noisy.test.labels, digits.test.labels)
    assert noisy.split_hash == digits.split_hash
    assert noisy.train.take(torch.arange(5)).labels.tolist() == noisy.train.labels[:5].tolist()


def test_flipped_labels_are_uniform_over_the_other_classes():
    n = 9000
    labels = np.repeat(np.arange(10), n // 10)
    noisy = flip_labels(labels, np.arange(n), 1.0, 10, "here")
    counts = np.bincount((noisy - labels) % 10, minlength=10)
    assert counts[0] == 0
    assert np.abs(counts[1:] - 1000).max() < 5 * 1000**0.5


def test_a_larger_share_flips_a_superset_and_each_data_set_its_own():
    labels, ids = np.zeros(1000, np.int64), np.arange(1000)
    some, more = (flip_labels(labels, ids, p, 10, "a") for p in (0.2, 0.5))
    assert np.array_equal(more[some > 0], some[some > 0])
    assert not np.array_equal(some, flip_labels(labels, ids, 0.2, 10, "b"))


def test_a_smaller_holdout_is_part_of_a_larger_one_and_leaves_training_alone(card, digits):
    small, large = (load(card, {"holdout_size": n}, SPLITS, "cpu") for n in (50, 150))
    assert (len(small.validation), len(small.test)) == (50, 50)
    assert (len(large.validation), len(large.test)) == (143, 150), "at most all"
    assert set(small.test.ids.tolist()) < set(large.test.ids.tolist())
    assert set(large.test.ids.tolist()) < set(digits.test.ids.tolist())
    assert small.split_hash["train"] == digits.split_hash["train"]
    assert small.split_hash["test"] == hash_ids(small.test.ids.numpy())


def test_a_smaller_training_set_is_part_of_a_larger_one(card, digits):
    small, large = (load(card, {"train_size": n}, ("train",), "cpu") for n in (100, 200))
    assert len(small.train) == 100
    assert set(small.train.ids.tolist()) < set(large.train.ids.tolist())
    assert set(large.train.ids.tolist()) < set(digits.train.ids.tolist())
    assert small.split_hash["train"] != large.split_hash["train"]
    assert small.split_hash["test"] == digits.split_hash["test"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip_lables": 0.1}, ".flip_lables: unknown option; did you mean 'flip_labels'?"),
        ({"flip_labels": 1.5}, ".flip_labels: a share in [0, 1] is needed; got 1.5"),
        ({"flip_labels": float("nan")}, ".flip_labels: a share in [0, 1] is needed; got nan"),
        ({"flip_labels": True}, ".flip_labels: a share in [0, 1] is needed; got True"),
        ({"train_size": 0}, ".train_size: a number of examples is needed; got 0"),
        ({"holdout_size": 0}, ".holdout_size: a number of examples is needed; got 0"),
        ({"train_size": 2.5}, ".train_size: a number of examples is needed; got 2.5"),
        (
            {"train_size": 1296},
            ": train_size 1296 is more than the 1295 training examples there are",
        ),
    ],
)
def test_an_impossible_option_is_refused_in_one_line(card, options, message):
    with pytest.raises(InputError) as caught:
        load(card, options, ("train",), "cpu")
    assert str(caught.value) == f"dataset digits{message}"


def test_other_data_than_declared_are_refused(card, digits):
    with pytest.raises(DataError) as caught:
        load({**card, "fingerprint": "0" * 64}, {}, ("train",), "cpu")
    assert str(caught.value) == (
        "dataset digits: these are not the declared examples: "
        f"expected fingerprint {'0' * 64}, found {digits.fingerprint}"
    )


def test_an_undeclared_fingerprint_is_computed(card, digits):
    undeclared = {key: value for key, value in card.items() if key != "fingerprint"}
    assert load(undeclared, {}, ("train",), "cpu").fingerprint == digits.fingerprint
