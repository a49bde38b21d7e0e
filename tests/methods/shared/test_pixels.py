"""Which inputs are pixels."""

import pytest
import torch

from mubench.data.split import AsIs
from mubench.errors import Refused
from mubench.methods.shared.pixels import pixels_of
from tests.support.boundaries import CHANNELS, Normalised, images
from tests.support.toy import split_of


def test_inputs_between_0_and_1_are_pixels_and_others_need_their_normalisation():
    pixels, labels = images(20)
    mean, std, levels = pixels_of(split_of(pixels, labels, AsIs()))
    assert (mean.item(), std.item(), levels) == (0, 1, 255)
    assert pixels_of(split_of(pixels, labels, Normalised(CHANNELS))) is CHANNELS
    for place, value in ((7, -0.01), (19, 1.01)):
        beyond = pixels.clone()
        beyond[place, 1, 2, 0] = value
        with pytest.raises(Refused, match="how these inputs were normalised is not known"):
            pixels_of(split_of(beyond, labels, AsIs()))
    with pytest.raises(Refused, match="which these inputs do not have"):
        pixels_of(split_of({"input_ids": torch.zeros(20, 5)}, labels, AsIs()))
