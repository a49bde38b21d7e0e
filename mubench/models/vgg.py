"""VGG networks for small images: Simonyan & Zisserman, arXiv 1409.1556, with batch normalisation.

Differs from the paper: as in code for CIFAR, one linear classifier on the averages of the last
feature maps stands for three layers, and normalised convolutions have no biases.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from typing_extensions import override

from mubench.models.image_classifier import ImageClassifier, convolution


class VGG(ImageClassifier):
    """Stages of 3x3 convolutions, each of which ends by halving height and width.

    `widths` and `convolutions` have one entry a stage.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        widths: Sequence[int],
        convolutions: Sequence[int],
    ) -> None:
        super().__init__(input_shape, smallest=2 ** len(widths))
        self.stages, channels = nn.Sequential(), input_shape[0]
        for width, count in zip(widths, convolutions, strict=True):
            self.stages.append(_stage(channels, width, count))
            channels = width
        self.classifier = nn.Linear(channels, num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The stages."""
        return tuple(self.stages)

    @override
    def features(self, inputs: Tensor) -> Tensor:
        """(b, widths[-1]): the last feature maps of images (b, c, h, w), averaged."""
        maps: Tensor = self.stages(inputs)
        return maps.mean((2, 3))


def _stage(c_in: int, width: int, count: int) -> nn.Sequential:
    stage = nn.Sequential()
    for channels in (c_in, *[width] * (count - 1)):
        stage.extend((convolution(channels, width), nn.ReLU()))
    return stage.append(nn.MaxPool2d(2))


def vgg(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    widths: Sequence[int],
    convolutions: Sequence[int],
) -> VGG:
    """VGG-16 has 2, 2, 3, 3, 3 convolutions of widths 64, 128, 256, 512, 512."""
    return VGG(input_shape, num_classes, widths=widths, convolutions=convolutions)
