"""Residual networks: He et al., arXiv 1512.03385, with basic and with bottleneck blocks.

Differs from the paper: shortcuts that change shape are 1x1 convolutions (option B) throughout; a
bottleneck halves height and width in its 3x3 convolution, as torchvision's do ("v1.5"); and the
stem for small images is one 3x3 convolution without pooling.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.models.image_classifier import ImageClassifier, convolution

IMAGENET_STEM = 4
"""The stem's stride that stands for ImageNet's stem: a 7x7 convolution, then pooling."""


class Block(nn.Module, ABC):
    """Convolutions around a shortcut; a subclass says which."""

    expansion = 1
    """Output channels over `width`."""

    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        c_out = self.expansion * width
        self.residual = self._residual(c_in, width, stride)
        same = c_in == c_out and stride == 1
        self.shortcut = nn.Identity() if same else convolution(c_in, c_out, kernel=1, stride=stride)

    @abstractmethod
    def _residual(self, c_in: int, width: int, stride: int) -> nn.Sequential:
        """The convolutions, from (b, c_in, h, w) to (b, expansion * width, h / stride, ...)."""

    @override
    def forward(self, x: Tensor) -> Tensor:
        """(b, expansion * width, h / stride, w / stride) of (b, c_in, h, w)."""
        return torch.relu(self.residual(x) + self.shortcut(x))


class BasicBlock(Block):
    """Two 3x3 convolutions around a shortcut."""

    @override
    def _residual(self, c_in: int, width: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            convolution(c_in, width, stride=stride), nn.ReLU(), convolution(width, width)
        )


class Bottleneck(Block):
    """A 3x3 convolution between two of 1x1, which narrow and widen, around a shortcut."""

    expansion = 4

    @override
    def _residual(self, c_in: int, width: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            convolution(c_in, width, kernel=1),
            nn.ReLU(),
            convolution(width, width, stride=stride),
            nn.ReLU(),
            convolution(width, self.expansion * width, kernel=1),
        )


class ResNet(ImageClassifier):
    """A stem, then stages of blocks; each stage but the first halves height and width.

    `widths` and `blocks` have one entry a stage. `stem_stride` 1 and 2 are a 3x3 convolution of
    that stride; 4 is ImageNet's stem, a 7x7 convolution of stride 2 and max pooling of stride 2.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        block: type[Block],
        widths: Sequence[int],
        blocks: Sequence[int],
        stem_stride: int,
    ) -> None:
        # Two by two at the end: batch normalisation of one value is undefined for one image.
        super().__init__(input_shape, smallest=stem_stride * 2 ** len(widths))
        self.stem = _stem(input_shape[0], widths[0], stem_stride)
        self.stages, channels = nn.Sequential(), widths[0]
        for width, count in zip(widths, blocks, strict=True):
            stride = 2 if len(self.stages) else 1
            self.stages.append(_stage(block, channels, width, count, stride))
            channels = block.expansion * width
        self.classifier = nn.Linear(channels, num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The stem and the stages: what methods that freeze or reset by depth count."""
        return (self.stem, *self.stages)

    @override
    def features(self, inputs: Tensor) -> Tensor:
        """(b, d): the last feature maps of images (b, c, h, w), averaged over positions."""
        maps: Tensor = self.stages(self.stem(inputs))
        return maps.mean((2, 3))


def _stem(channels: int, width: int, stride: int) -> nn.Sequential:
    if stride != IMAGENET_STEM:
        return nn.Sequential(convolution(channels, width, stride=stride), nn.ReLU())
    pooling = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(convolution(channels, width, kernel=7, stride=2), nn.ReLU(), pooling)


def _stage(block: type[Block], c_in: int, width: int, count: int, stride: int) -> nn.Sequential:
    rest = (block(block.expansion * width, width, 1) for _ in range(count - 1))
    return nn.Sequential(block(c_in, width, stride), *rest)


def resnet(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    block: Literal["basic", "bottleneck"],
    widths: Sequence[int],
    blocks: Sequence[int],
    stem_stride: int,
) -> ResNet:
    """ResNet-18 has 2, 2, 2, 2 basic blocks, ResNet-34 3, 4, 6, 3; ResNet-50 as many bottlenecks.

    Their widths are 64, 128, 256, 512.
    """
    return ResNet(
        input_shape,
        num_classes,
        block=BasicBlock if block == "basic" else Bottleneck,
        widths=widths,
        blocks=blocks,
        stem_stride=stem_stride,
    )
