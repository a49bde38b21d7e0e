"""Normalisation and the training augmentation of small images, on whole batches.

Random crop with zero padding and horizontal flip as in He et al., arXiv 1512.03385, section 4.2:
one offset and one coin an image, one gather a batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mubench.data.split import Inputs, Pixels


class Draws(NamedTuple):
    """What one augmentation drew: `top`, `left` (b,) int64 in [0, 2 pad], `flip` (b,) bool."""

    top: Tensor
    left: Tensor
    flip: Tensor


@dataclass(frozen=True)
class ImageTransform:
    """From uint8 (b, c, h, w) to normalised float32 (b, c, h, w).

    Raw values are multiplied by `scale` (c, 1, 1) and `shift` (c, 1, 1) is added. Where a generator
    is given the batch is cropped out of `pad` black pixels and, if `flip`, mirrored half the time.
    """

    scale: Tensor
    shift: Tensor
    pad: int
    flip: bool
    max_value: int

    @classmethod
    def of(cls, card: Mapping[str, Any], device: torch.device | str) -> "ImageTransform":
        """From a data card: `mean` and `std` as fractions of `max_value`, per channel."""
        mean = torch.tensor(card["mean"], device=device).view(-1, 1, 1)
        std = torch.tensor(card["std"], device=device).view(-1, 1, 1)
        most, augment = card["max_value"], card["augment"]
        return cls(1 / (std * most), -mean / std, augment["pad"], augment["flip"], most)

    @property
    def pixels(self) -> Pixels:
        """The normalisation alone, for who must work on pixels."""
        std = 1 / (self.scale * self.max_value)
        return Pixels(-self.shift * std, std, self.max_value)

    def __call__(self, inputs: Inputs, generator: torch.Generator | None) -> Tensor:
        """Normalise; augment as well where `generator` is given. Draws from it alone."""
        assert isinstance(inputs, Tensor)
        if generator is not None:
            inputs = crop_and_flip(
                inputs, draw(len(inputs), self.pad, self.flip, generator), self.pad
            )
        # In place after the cast: torch.addcmul promotes types 20 times slower.
        return inputs.to(torch.float32).mul_(self.scale).add_(self.shift)


def draw(size: int, pad: int, flip: bool, generator: torch.Generator) -> Draws:
    """Offsets and coins of a batch. The same number is drawn whether or not images are mirrored."""
    device = generator.device
    offsets = torch.randint(2 * pad + 1, (2, size), generator=generator, device=device)
    coins = torch.rand(size, generator=generator, device=device) < 0.5
    return Draws(offsets[0], offsets[1], coins & flip)


def crop_and_flip(images: Tensor, draws: Draws, pad: int) -> Tensor:
    """Cut (h, w) at (top, left) out of each zero-padded image (b, c, h, w), then mirror it."""
    b, c, h, w = images.shape
    device = images.device
    top, left, flip = (drawn.to(device).view(b, 1) for drawn in draws)
    columns = torch.arange(w, device=device)
    columns = left + torch.where(flip, w - 1 - columns, columns)
    rows = top + torch.arange(h, device=device)
    pixels = rows[:, :, None] * (w + 2 * pad) + columns[:, None, :]
    padded = F.pad(images, (pad, pad, pad, pad)).flatten(2)
    return padded.gather(2, pixels.view(b, 1, h * w).expand(b, c, h * w)).view(b, c, h, w)
