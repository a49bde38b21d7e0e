"""Normalisation, and random crop and flip as one gather, against a loop over images."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.data.transforms import CropAndFlip, ImageTransform, crop_and_flip, draw
from mubench.errors import InputError

CARD = {
    "name": "toy",
    "input_shape": [3, 4, 4],
    "mean": [0.5, 0.4, 0.3],
    "std": [0.25, 0.2, 0.1],
    "max_value": 255,
    "augment": {"pad": 4, "flip": True},
}


def pixels(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(0))


def augmented(transform, images, seed):
    return transform(images, transform.draw(len(images), generator(seed)))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crop_one(
    image: np.ndarray, top: int, left: int, flip: bool, pad: int, spare: int
) -> np.ndarray:
    """The oracle: numpy, one image, no index arithmetic shared with the code under test."""
    c, h, w = image.shape
    framed = np.zeros((c, h + 2 * pad, w + 2 * pad), image.dtype)
    framed[:, pad : pad + h, pad : pad + w] = image
    h, w = h + 2 * pad - spare, w + 2 * pad - spare
    cut = framed[:, top : top + h, left : left + w]
    return cut[:, :, ::-1] if flip else cut


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    pad=st.integers(0, 3),
    larger=st.integers(0, 4),
    flip=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_batch_equals_a_loop_over_its_images(shape, pad, larger, flip, seed):
    b, c, h, w = shape
    images, spare = pixels(b, c, h + larger, w + larger), larger + 2 * pad
    draws = draw(b, spare, flip, generator(seed))
    expected = [
        crop_one(image.numpy(), int(top), int(left), bool(mirrored), pad, spare)
        for image, top, left, mirrored in zip(images, *draws, strict=True)
    ]
    cut = crop_and_flip(images, draws, pad, spare)
    assert cut.shape == shape
    assert np.array_equal(cut.numpy(), np.stack(expected))


def test_the_middle_offset_without_a_flip_changes_nothing():
    images = pixels(3, 3, 8, 6)
    middle = torch.full((3,), 4)
    assert torch.equal(crop_and_flip(images, CropAndFlip(middle, middle, middle < 0), 4, 8), images)


def test_offsets_and_flips_are_uniform():
    n, pad = 90_000, 4
    top, left, flip = draw(n, 2 * pad, True, generator(1))
    joint = torch.bincount(top * 9 + left, minlength=81).double()
    # Chi-squared with 80 degrees of freedom: mean 80, standard deviation sqrt(160) = 12.6.
    assert ((joint - n / 81) ** 2 / (n / 81)).sum() < 80 + 5 * 12.6
    assert abs(flip.double().mean() - 0.5) < 5 * 0.5 / n**0.5
    assert abs(top[flip].double().mean() - 4) < 0.1


def test_augmentation_has_the_distribution_of_torchvisions():
    """One image, many draws: the same outcomes as RandomCrop and RandomHorizontalFlip, as often."""
    from torchvision import transforms

    image, n = torch.arange(1, 10, dtype=torch.uint8).view(1, 3, 3), 4_000
    theirs = transforms.Compose(
        [transforms.RandomCrop(3, padding=1), transforms.RandomHorizontalFlip()]
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = torch.stack([theirs(image) for _ in range(n)])
    draws = draw(n, 2, True, generator(0))
    found = crop_and_flip(image.expand(n, 1, 3, 3), draws, 1, 2)
    both, outcomes = torch.cat([expected, found]).unique(dim=0, return_inverse=True)
    counts = [torch.bincount(half, minlength=len(both)).double() for half in outcomes.split(n)]
    assert len(both) == 2 * 9
    for count in counts:  # chi-squared with 17 degrees of freedom
        assert ((count - n / 18) ** 2 / (n / 18)).sum() < 17 + 5 * 34**0.5


def test_what_is_stored_larger_is_cut_in_the_middle_and_at_random():
    card = {**CARD, "stored_shape": [3, 7, 7], "augment": {"pad": 0, "flip": False}}
    transform, images = ImageTransform.of(card, "cpu"), pixels(200, 3, 7, 7)
    plain = ImageTransform.of(CARD, "cpu")
    assert torch.equal(transform(images, None), plain(images[:, :, 1:5, 1:5], None))
    cuts = {
        (top, left): plain(images[:, :, top : top + 4, left : left + 4], None)
        for top in range(4)
        for left in range(4)
    }
    found = augmented(transform, images, 0)
    taken = {
        next(at for at, cut in cuts.items() if torch.equal(cut[i], found[i])) for i in range(200)
    }
    assert len(taken) == 16
    with pytest.raises(InputError, match="stored_shape must be larger than input_shape by as many"):
        ImageTransform.of({**card, "stored_shape": [3, 7, 8]}, "cpu")


def test_no_image_is_mirrored_where_the_card_says_so():
    assert not draw(1000, 1, False, generator(0)).flip.any()


def test_without_draws_it_only_normalises():
    images = pixels(5, 3, 4, 4)
    mean, std = (np.array(CARD[key]).reshape(3, 1, 1) for key in ("mean", "std"))
    batch = ImageTransform.of(CARD, "cpu")(images, None)
    assert batch.dtype == torch.float32
    assert batch.numpy() == pytest.approx((images.numpy() / 255 - mean) / std, abs=1e-5)


def test_padding_is_black_and_then_normalised():
    white = torch.full((400, 3, 4, 4), 255, dtype=torch.uint8)
    batch = augmented(ImageTransform.of(CARD, "cpu"), white, 0)
    assert batch[:, 0].unique().tolist() == pytest.approx([-2.0, 2.0], abs=1e-5)


def test_it_draws_from_the_given_generator_alone_and_leaves_the_pixels_alone():
    images, transform = pixels(8, 3, 8, 8), ImageTransform.of(CARD, "cpu")
    before, stored = torch.get_rng_state(), images.clone()
    first, second = augmented(transform, images, 3), augmented(transform, images, 3)
    assert torch.equal(first, second)
    assert not torch.equal(first, augmented(transform, images, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(images, stored)


def test_inputs_come_from_pixels_as_it_says():
    images = pixels(5, 3, 4, 4)
    transform = ImageTransform.of(CARD, "cpu")
    mean, std, levels = transform.pixels
    assert levels == 255
    assert torch.allclose(mean.flatten(), torch.tensor(CARD["mean"]))
    assert torch.allclose(std.flatten(), torch.tensor(CARD["std"]))
    expected = (images / 255 - mean) / std
    assert torch.allclose(transform(images, None), expected, atol=1e-6)
