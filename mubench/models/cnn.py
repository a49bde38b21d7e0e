"""A small convolutional network for images of 8x8: it memorises digits within seconds on one core.

Two convolutions and one pooling; the second feature map is not pooled, because averaging away
positions is what keeps so small a network from memorising wrong labels.
"""

from torch import Tensor, nn
from typing_extensions import override

from mubench.models.image_classifier import ImageClassifier, convolution


class SmallCNN(ImageClassifier):
    """Convolution, pooling, convolution, one hidden layer of `hidden` features."""

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, *, width: int, hidden: int
    ) -> None:
        super().__init__(input_shape, smallest=4)
        channels, height, rows = input_shape[0], input_shape[1] // 2, input_shape[2] // 2
        self.body = nn.Sequential(
            convolution(channels, width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            convolution(width, 2 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * height * rows, hidden),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(hidden, num_classes)

    @override
    def features(self, inputs: Tensor) -> Tensor:
        """(b, hidden) of images (b, c, h, w)."""
        hidden: Tensor = self.body(inputs)
        return hidden


def small_cnn(
    input_shape: tuple[int, ...], num_classes: int, *, width: int = 16, hidden: int = 128
) -> SmallCNN:
    """58,000 or so parameters at the defaults, for 1x8x8 images and ten classes."""
    return SmallCNN(input_shape, num_classes, width=width, hidden=hidden)
