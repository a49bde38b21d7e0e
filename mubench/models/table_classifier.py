"""What classifiers of tables share: rows of one length, and how many inputs each column became."""

from torch import Tensor
from typing_extensions import override

from mubench.errors import InputError
from mubench.models.classifier import Classifier


class TableClassifier(Classifier[Tensor]):
    """A classifier of rows (b, D) float32, D the sum of `widths`: the inputs of each column.

    Without `widths` each input is a column.
    """

    def __init__(self, input_shape: tuple[int, ...], widths: tuple[int, ...] = ()) -> None:
        super().__init__(input_shape)
        name = type(self).__name__
        if len(input_shape) != 1:
            raise InputError(f"model {name}: needs rows (D,), got the shape {input_shape}")
        self.widths = widths or (1,) * input_shape[0]
        if sum(self.widths) != input_shape[0]:
            raise InputError(
                f"model {name}: columns of {sum(self.widths)} inputs, but rows of {input_shape[0]}"
            )

    @override
    def check(self, inputs: Tensor) -> None:
        if inputs.ndim != 2 or tuple(inputs.shape[1:]) != self.input_shape:
            raise InputError(
                f"model {type(self).__name__}: was built for rows of {self.input_shape[0]} numbers,"
                f" got {tuple(inputs.shape)}"
            )
