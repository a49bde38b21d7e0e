"""What classifiers of images share: images of one shape, and convolutions with normalisation."""

from torch import Tensor, nn
from typing_extensions import override

from mubench.errors import InputError
from mubench.models.classifier import Classifier


class ImageClassifier(Classifier[Tensor]):
    """A classifier of images (b, c, h, w) float32, of the one shape (c, h, w) it is built for."""

    def __init__(self, input_shape: tuple[int, ...], *, smallest: int) -> None:
        super().__init__(input_shape)
        name = type(self).__name__
        if len(input_shape) != 3:
            raise InputError(f"model {name}: needs images (c, h, w), got the shape {input_shape}")
        channels, height, width = input_shape
        if channels < 1 or min(height, width) < smallest:
            raise InputError(
                f"model {name}: needs images of at least 1x{smallest}x{smallest}, "
                f"got {channels}x{height}x{width}; take a model for smaller images"
            )

    @override
    def check(self, inputs: Tensor) -> None:
        if tuple(inputs.shape[1:]) != self.input_shape:
            raise InputError(
                f"model {type(self).__name__}: was built for images {self.input_shape}, "
                f"got {tuple(inputs.shape[1:])}"
            )


def convolution(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps (h, w) at stride 1, and batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
    )
