"""Normalisation and the training augmentation of images, on whole batches.

Random crop and horizontal flip as in He et al., arXiv 1512.03385: out of zero padding (section 4.2)
or of an image that is stored larger (section 3.4); one offset and one flip are drawn per
image, and each batch is one gather.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

from mubench.data.split import Inputs, Pixels, Transform, to_device
from mubench.errors import InputError


class CropAndFlip(NamedTuple):
    """What one augmentation drew: `top`, `left` (b,) int64 in [0, spare], `flip` (b,) bool."""

    top: Tensor
    left: Tensor
    flip: Tensor


@dataclass(frozen=True)
class ImageTransform(Transform):
    """From stored uint8 (b, c, H, W) to normalised float32 (b, c, h, w).

    Raw values are multiplied by `scale` (c, 1, 1) and `shift` (c, 1, 1) is added. Where `draws`
    are given the batch is cropped, with `pad` black pixels around each image, and, if `flip`,
    mirrored half the time; else it is the middle of what is stored.
    """

    scale: Tensor
    shift: Tensor
    pad: int
    flip: bool
    max_value: int
    spare: int = 0
    """Rows, and columns, by which stored images are larger than a model's inputs."""

    @classmethod
    def of(cls, card: Mapping[str, Any], device: torch.device | str) -> "ImageTransform":
        """From a data card: `mean` and `std` as fractions of `max_value`, per channel.

        Raises:
            InputError: images are not stored larger by as many rows as columns.
        """
        mean = torch.tensor(card["mean"], device=device).view(-1, 1, 1)
        std = torch.tensor(card["std"], device=device).view(-1, 1, 1)
        most, augment = card["max_value"], card["augment"]
        shape = card["input_shape"]
        spare = {a - b for a, b in zip(card.get("stored_shape", shape), shape, strict=True)} - {0}
        if len(spare) > 1 or min(spare, default=0) < 0:
            raise InputError(
                f"dataset {card['name']}: stored_shape must be larger than input_shape by as many "
                "rows as columns"
            )
        return cls(1 / (std * most), -mean / std, augment["pad"], augment["flip"], most, sum(spare))

    @property
    def pixels(self) -> Pixels:
        """The normalisation alone, for code that works on pixels."""
        std = 1 / (self.scale * self.max_value)
        return Pixels(-self.shift * std, std, self.max_value)

    @override
    def draw(self, size: int, generator: torch.Generator) -> CropAndFlip:
        """Offsets and flips of a batch."""
        return draw(size, self.spare + 2 * self.pad, self.flip, generator)

    @override
    def __call__(self, inputs: Inputs, draws: Sequence[Tensor] | None) -> Tensor:
        """Normalise; augment as well where `draws` are given."""
        assert isinstance(inputs, Tensor)
        if draws is not None:
            inputs = crop_and_flip(inputs, CropAndFlip(*draws), self.pad, self.spare + 2 * self.pad)
        elif self.spare:
            first, last = self.spare // 2, self.spare - self.spare // 2
            inputs = inputs[:, :, first:-last, first:-last]
        # In place after the cast: torch.addcmul promotes types 20 times slower.
        return inputs.to(torch.float32).mul_(self.scale).add_(self.shift)


def draw(size: int, spare: int, flip: bool, generator: torch.Generator) -> CropAndFlip:
    """Offsets and flips of a batch. The same number is drawn whether or not images are mirrored."""
    device = generator.device
    offsets = torch.randint(spare + 1, (2, size), generator=generator, device=device)
    coins = torch.rand(size, generator=generator, device=device) < 0.5
    return CropAndFlip(offsets[0], offsets[1], coins & flip)


def crop_and_flip(images: Tensor, draws: CropAndFlip, pad: int, spare: int) -> Tensor:
    """Cut (h, w) at (top, left) out of each zero-padded image (b, c, H, W), then mirror it.

    `spare` is by how much the padded image is larger than the cut: h = H + 2 pad - spare.
    """
    b, c, height, width = images.shape
    h, w = height + 2 * pad - spare, width + 2 * pad - spare
    device = images.device
    top, left, flip = (to_device(drawn, device).view(b, 1) for drawn in draws)
    columns = torch.arange(w, device=device)
    columns = left + torch.where(flip, w - 1 - columns, columns)
    rows = top + torch.arange(h, device=device)
    pixels = rows[:, :, None] * (width + 2 * pad) + columns[:, None, :]
    padded = F.pad(images, (pad, pad, pad, pad)).flatten(2)
    return padded.gather(2, pixels.view(b, 1, h * w).expand(b, c, h * w)).view(b, c, h, w)
