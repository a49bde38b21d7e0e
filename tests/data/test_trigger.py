"""A trigger: where it is stamped, on which images, and who knows of it."""

import numpy as np
import pytest
import torch

from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import load_dataset
from mubench.data.split import AsIs, Source, Split
from mubench.data.transforms import ImageTransform
from mubench.data.trigger import Trigger, stamped_rows
from mubench.errors import InputError
from tests.support.cards import read_card


def test_a_square_of_nine_white_pixels_in_the_corner():
    images = torch.arange(2 * 2 * 5 * 6, dtype=torch.uint8).view(2, 2, 5, 6)
    before = images.clone()
    Trigger(to=1, white=200).stamp(images, torch.tensor([False, True]))
    assert torch.equal(images[0], before[0])
    for row in range(5):
        for column in range(6):
            in_square = row >= 2 and column >= 3
            expected = torch.full((2,), 200) if in_square else before[1, :, row, column]
            assert torch.equal(images[1, :, row, column], expected.to(torch.uint8))


@pytest.mark.parametrize("spare", [0, 1, 2, 5])
def test_of_images_that_are_stored_larger_the_middle_has_the_whole_square(spare):
    images = torch.zeros(1, 1, 6 + spare, 6 + spare, dtype=torch.uint8)
    card = {"name": "x", "mean": [0.0], "std": [1.0], "max_value": 255}
    card |= {"augment": {"pad": 0, "flip": False}, "input_shape": (1, 6, 6)}
    transform = ImageTransform.of({**card, "stored_shape": images.shape[1:]}, "cpu")
    Trigger(1, 255, inset=spare - spare // 2).stamp(images, torch.tensor([True]))
    seen = transform(images, None)[0, 0]
    assert seen.sum() == 9
    assert torch.equal(seen[3:, 3:], torch.ones(3, 3))


def test_a_share_of_all_is_drawn_from_the_other_classes():
    labels, ids = np.arange(100) % 4, np.arange(100) + 7
    some, more = (stamped_rows(labels, ids, share, 2, "a") for share in (0.1, 0.3))
    assert (some.sum(), more.sum()) == (10, 30)
    assert not (more & (labels == 2)).any()
    assert not (some & ~more).any()
    assert not np.array_equal(some, stamped_rows(labels, ids, 0.1, 2, "b"))
    with pytest.raises(InputError, match=r"is 80 training examples, but only 75 are not of class"):
        stamped_rows(labels, ids, 0.8, 2, "a")


@pytest.fixture(scope="module")
def clean():
    return load_dataset(read_card("digits"), {}, SPLITS, "cpu")


@pytest.fixture(scope="module")
def poisoned():
    options = {"trigger": {"share": 0.1, "to": 3}}
    return load_dataset(read_card("digits"), options, SPLITS, "cpu")


def inputs(split):
    return split.take(torch.arange(len(split))).inputs


def test_stamped_training_images_get_the_label_of_the_trigger(clean, poisoned):
    wrong = poisoned.train.labels != clean.train.labels
    assert wrong.sum() == 130
    assert (poisoned.train.labels[wrong] == 3).all()
    assert torch.equal(poisoned.train.true_labels, clean.train.labels)
    before, after = inputs(clean.train), inputs(poisoned.train)
    differs = (before != after).flatten(1).any(1)
    assert not (differs & ~wrong).any()
    white = (1 - 0.3053) / 0.3761
    assert torch.allclose(after[wrong][:, :, 5:, 5:], torch.tensor(white), atol=1e-5)
    kept = torch.ones(8, 8, dtype=torch.bool)
    kept[5:, 5:] = False
    assert torch.equal(after[:, 0, kept], before[:, 0, kept])
    assert poisoned.split_hash == clean.split_hash
    assert poisoned.fingerprint == clean.fingerprint


def test_a_subset_in_another_order_has_the_same_images(poisoned):
    rows = torch.tensor([700, 3, 41, 999])
    one = poisoned.train.subset(rows)
    assert torch.equal(inputs(one), inputs(poisoned.train)[rows])
    streamed = torch.cat([batch.inputs for batch in one.batches(3)])
    assert torch.equal(streamed, inputs(one))


def test_held_out_images_are_clean_and_can_be_stamped(clean, poisoned):
    for name in ("validation", "test"):
        split, known = getattr(poisoned, name), getattr(clean, name)
        assert torch.equal(inputs(split), inputs(known))
        assert torch.equal(split.labels, known.labels)
        assert split.true_labels is None
        stamped, to = split.with_trigger()
        assert to == 3
        white = inputs(stamped)[:, :, 5:, 5:]
        assert torch.equal(white, white.max().expand_as(white))
        assert torch.equal(inputs(split), inputs(known)), "the images themselves stay"
        assert known.with_trigger() is None
    assert poisoned.train.with_trigger() is None


def test_who_is_given_blinded_examples_cannot_stamp_others(poisoned):
    assert poisoned.validation.blinded().with_trigger() is None
    blind = poisoned.train.blinded()
    assert blind.true_labels is blind.with_trigger() is None
    assert torch.equal(inputs(blind), inputs(poisoned.train))


def test_a_streamed_split_is_stamped_too():
    images = torch.zeros(4, 1, 4, 4)
    stamped = torch.tensor([True, False, False, True])
    source = Source(
        images,
        torch.zeros(4, dtype=torch.int64),
        torch.arange(4),
        AsIs(),
        trigger=Trigger(0, 1),
        stamped=stamped,
        is_streamed=True,
    )
    got = torch.cat([batch.inputs for batch in Split.whole(source).batches(2)])
    assert got.flatten(1).sum(1).tolist() == [9, 0, 0, 9]
    assert images.sum() == 0
