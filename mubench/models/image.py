"""What every image classifier offers: features, and a linear classifier on top of them."""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from typing_extensions import override

from mubench.errors import InputError


class ImageClassifier(nn.Module, ABC):
    """A network whose last layer is `classifier`, so that a method can treat it apart.

    A subclass sets `classifier` and defines `features`.
    """

    classifier: nn.Linear

    def __init__(self, input_shape: tuple[int, ...], *, smallest: int) -> None:
        super().__init__()
        name = type(self).__name__
        if len(input_shape) != 3:
            raise InputError(f"model {name}: needs images (c, h, w), got the shape {input_shape}")
        channels, height, width = input_shape
        if channels < 1 or min(height, width) < smallest:
            raise InputError(
                f"model {name}: needs images of at least 1x{smallest}x{smallest}, "
                f"got {channels}x{height}x{width}; take a model with fewer stages"
            )
        self.input_shape = input_shape

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """What the classifier sees: (b, d) of images (b, c, h, w)."""

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Logits (b, num_classes) of images (b, c, h, w).

        Raises:
            InputError: the images are not of the shape that the model was built for.
        """
        if tuple(x.shape[1:]) != self.input_shape:
            raise InputError(
                f"model {type(self).__name__}: was built for images {self.input_shape}, "
                f"got {tuple(x.shape[1:])}"
            )
        logits: Tensor = self.classifier(self.features(x))
        return logits


def convolution(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps (h, w) at stride 1, and batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
    )
