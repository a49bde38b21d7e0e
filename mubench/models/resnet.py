"""Residual networks for small images: He et al., arXiv 1512.03385, with basic blocks.

Differs from the paper: shortcuts that change shape are 1x1 convolutions (option B) throughout,
and ResNet-18 has the CIFAR stem: a 3x3 convolution of stride 1 and no pooling.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.models.image import ImageClassifier, convolution


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            convolution(c_in, c_out, stride=stride), nn.ReLU(), convolution(c_out, c_out)
        )
        same = c_in == c_out and stride == 1
        self.shortcut = nn.Identity() if same else convolution(c_in, c_out, kernel=1, stride=stride)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """(b, c_out, h / stride, w / stride) of (b, c_in, h, w)."""
        return torch.relu(self.residual(x) + self.shortcut(x))


class ResNet(ImageClassifier):
    """A stem, then stages of basic blocks; each stage but the first halves height and width."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        widths: Sequence[int],
        blocks: int,
        stem_stride: int,
    ) -> None:
        # Two by two at the end: batch normalisation of one value is undefined for one image.
        super().__init__(input_shape, smallest=stem_stride * 2 ** len(widths))
        self.stem = nn.Sequential(
            convolution(input_shape[0], widths[0], stride=stem_stride), nn.ReLU()
        )
        stages = [_stage(widths[0], widths[0], blocks, stride=1)]
        stages += [_stage(c_in, c_out, blocks, stride=2) for c_in, c_out in pairwise(widths)]
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(widths[-1], num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The stem and the stages: what methods that freeze or reset by depth count."""
        return (self.stem, *self.stages)

    @override
    def features(self, x: Tensor) -> Tensor:
        """(b, widths[-1]): the last feature maps, averaged over positions."""
        maps: Tensor = self.stages(self.stem(x))
        return maps.mean((2, 3))


def _stage(c_in: int, c_out: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(c_in, c_out, stride)
    return nn.Sequential(first, *(BasicBlock(c_out, c_out, 1) for _ in range(blocks - 1)))


def resnet_small(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    widths: Sequence[int] = (16, 32, 64),
    blocks: int = 1,
    stem_stride: int = 2,
) -> ResNet:
    """ResNet-8 with a stem of stride 2: a quarter of the cost, for training on a CPU."""
    return ResNet(input_shape, num_classes, widths=widths, blocks=blocks, stem_stride=stem_stride)


def resnet18(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    blocks: int = 2,
    stem_stride: int = 1,
) -> ResNet:
    """ResNet-18 for images of 32x32."""
    return ResNet(input_shape, num_classes, widths=widths, blocks=blocks, stem_stride=stem_stride)
