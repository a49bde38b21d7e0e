"""Splits of a data set: disjoint, stratified, flipped labels, smaller sizes."""

import numpy as np
import pytest
import torch

from mubench.catalogue import cards
from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import flip_labels, load_dataset
from mubench.data.sources.partition import hash_ids
from mubench.errors import DataError, InputError
from tests.support.cards import read_card

NAMES = cards.names("datasets")


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


def test_the_splits_are_disjoint_and_cover_the_data_set(digits):
    ids = torch.cat([getattr(digits, name).ids for name in SPLITS])
    assert torch.equal(ids.sort().values, torch.arange(1797))


def test_the_splits_are_stratified(digits):
    counts = {name: torch.bincount(getattr(digits, name).labels, minlength=10) for name in SPLITS}
    total = sum(counts.values())
    assert ((counts["test"] - 0.2 * total).abs() <= 0.5).all()
    assert ((counts["validation"] - 0.1 * (total - counts["test"])).abs() <= 0.5).all()


def test_only_the_splits_asked_for_are_loaded(card, digits):
    searched = load_dataset(card, {}, ("train", "validation"), "cpu")
    assert searched.test is None
    assert load_dataset(card, {}, ("test",), "cpu").train is None
    assert searched.split_hash == digits.split_hash
    with pytest.raises(InputError, match=r"^split tets: unknown; did you mean 'test'\?$"):
        load_dataset(card, {}, ("tets",), "cpu")


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_flipping_changes_that_share_of_training_labels_and_no_other(card, digits, share):
    noisy = load_dataset(card, {"flip_labels": share}, SPLITS, "cpu")
    wrong = noisy.train.labels != digits.train.labels
    assert wrong.sum() == round(share * len(digits.train))
    assert torch.equal(noisy.validation.labels, digits.validation.labels)
    assert torch.equal(noisy.test.labels, digits.test.labels)
    assert noisy.split_hash == digits.split_hash
    assert noisy.train.take(torch.arange(5)).labels.tolist() == noisy.train.labels[:5].tolist()


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_true_labels_lie_beside_wrong_ones(card, digits, share):
    noisy = load_dataset(card, {"flip_labels": share, "train_size": 300}, SPLITS, "cpu")
    assert noisy.validation.true_labels is noisy.test.true_labels is None
    if not share:
        assert noisy.train.true_labels is None
        return
    true = dict(zip(digits.train.ids.tolist(), digits.train.labels.tolist(), strict=True))
    assert noisy.train.true_labels.tolist() == [true[i] for i in noisy.train.ids.tolist()]
    assert (noisy.train.true_labels != noisy.train.labels).sum() == 60
    some = noisy.train.subset(torch.tensor([5, 3]))
    assert some.true_labels.tolist() == noisy.train.true_labels[[5, 3]].tolist()
    for other in (
        some.without_labels(),
        some.blinded(),
        some.with_labels(torch.tensor([1, 2])),
    ):
        assert other.true_labels is None
    assert some.blinded().labels.tolist() == some.labels.tolist()


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_held_out_examples_keep_true_labels_and_know_those_they_would_have_in_training(
    card, digits, share
):
    noisy = load_dataset(card, {"flip_labels": share}, SPLITS, "cpu")
    assert noisy.train.noisy_labels is None
    for name in ("validation", "test"):
        split, true = getattr(noisy, name), getattr(digits, name).labels
        if not share:
            assert split.noisy_labels is None
            continue
        expected = flip_labels(true.numpy(), split.ids.numpy(), share, 10, "digits")
        assert split.noisy_labels.tolist() == expected.tolist()
        assert (split.noisy_labels != true).sum() == round(share * len(split))
        some = split.subset(torch.tensor([5, 3]))
        assert some.noisy_labels.tolist() == expected[[5, 3]].tolist()
        assert split.without_labels().noisy_labels is None


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
    small, large = (load_dataset(card, {"holdout_size": n}, SPLITS, "cpu") for n in (50, 150))
    assert (len(small.validation), len(small.test)) == (50, 50)
    assert (len(large.validation), len(large.test)) == (143, 150), "at most all"
    assert set(small.test.ids.tolist()) < set(large.test.ids.tolist())
    assert set(large.test.ids.tolist()) < set(digits.test.ids.tolist())
    assert small.split_hash["train"] == digits.split_hash["train"]
    assert small.split_hash["test"] == hash_ids(small.test.ids.numpy())


def test_a_smaller_training_set_is_part_of_a_larger_one(card, digits):
    small, large = (load_dataset(card, {"train_size": n}, ("train",), "cpu") for n in (100, 200))
    assert len(small.train) == 100
    assert set(small.train.ids.tolist()) < set(large.train.ids.tolist())
    assert set(large.train.ids.tolist()) < set(digits.train.ids.tolist())
    assert small.split_hash["train"] != large.split_hash["train"]
    assert small.split_hash["test"] == digits.split_hash["test"]


def test_other_data_than_declared_are_refused(card, digits):
    with pytest.raises(DataError) as caught:
        load_dataset({**card, "fingerprint": "0" * 64}, {}, ("train",), "cpu")
    assert str(caught.value) == (
        "dataset digits: these are not the declared examples: "
        f"expected fingerprint {'0' * 64}, found {digits.fingerprint}"
    )


def test_an_undeclared_fingerprint_is_computed(card, digits):
    undeclared = {key: value for key, value in card.items() if key != "fingerprint"}
    assert load_dataset(undeclared, {}, ("train",), "cpu").fingerprint == digits.fingerprint
