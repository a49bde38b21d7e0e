"""What is no image, or too small a one, is refused."""

import pytest
import torch

from mubench.errors import InputError
from mubench.models.build import build_model
from tests.support.built_models import CARDS, make, shape_of

SMALLEST = {
    "small_cnn": 4,
    "resnet_small": 16,
    "resnet18": 16,
    "resnet50": 16,
    "resnet18_imagenet": 64,
    "vgg_small": 8,
    "vit_mini": 4,
    "vit_small": 1,
}


@pytest.mark.parametrize("name", list(SMALLEST))
def test_the_smallest_images_work_and_smaller_ones_are_refused(name):
    channels, side = shape_of(name)[0], SMALLEST[name]
    model = build_model(CARDS[name], 4, (channels, side, side), 0).train()
    assert model(torch.zeros(1, channels, side, side)).shape == (1, 4)
    with pytest.raises(InputError) as caught:
        build_model(CARDS[name], 4, (channels, side, side - 1), 0)
    assert "; take a model for smaller images" in str(caught.value)
    assert f"needs images of at least 1x{side}x{side}, got" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_an_image_is_refused():
    with pytest.raises(InputError, match=r"needs images \(c, h, w\), got the shape \(64,\)"):
        build_model(CARDS["small_cnn"], 10, (64,), 0)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 1, 8, 9), (1, 8, 8)])
def test_images_of_another_shape_are_refused_in_one_line(shape):
    with pytest.raises(InputError) as caught:
        make("small_cnn")(torch.zeros(shape))
    assert str(caught.value) == (
        f"model SmallCNN: was built for images (1, 8, 8), got {tuple(shape[1:])}"
    )
