"""Images with a normalisation, and settings, for methods that attack pixels."""

from dataclasses import dataclass

import torch

from mubench.data.split import Pixels, Transform

PLAIN = {"momentum": 0.0, "augment": False, "batch_size": 100}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Normalised(Transform):
    """A transform from pixels in [0, 1]."""

    pixels: Pixels

    def __call__(self, inputs, draws):
        return (inputs - self.pixels.mean) / self.pixels.std


CHANNELS = Pixels(
    torch.tensor([0.3, 0.6]).double().view(2, 1, 1),
    torch.tensor([0.2, 0.05]).double().view(2, 1, 1),
    255,
)


def images(n, low=0, high=256):
    """n images (2, 3, 3) of pixels that are multiples of 1 / 255, and labels of two classes."""
    pixels = torch.randint(low, high, (n, 2, 3, 3), generator=generator()).double() / 255
    return pixels, torch.arange(n) % 2
