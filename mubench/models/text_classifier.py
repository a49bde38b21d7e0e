"""What classifiers of text share: token ids, and a mask of those that are no padding."""

from torch import Tensor
from typing_extensions import override

from mubench.errors import InputError
from mubench.models.classifier import Classifier

Tokens = dict[str, Tensor]
"""`input_ids` (b, L) int64, and `attention_mask` (b, L) int64: 1 for a token, 0 for padding."""

KEYS = ("input_ids", "attention_mask")


class TextClassifier(Classifier[Tokens]):
    """A classifier of texts of at most `input_shape` = (length,) tokens."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        super().__init__(input_shape)
        if len(input_shape) != 1:
            raise InputError(
                f"model {type(self).__name__}: needs texts (length,), got the shape {input_shape}"
            )

    @override
    def check(self, inputs: Tokens) -> None:
        name, (length,) = type(self).__name__, self.input_shape
        if not isinstance(inputs, dict) or not set(KEYS) <= inputs.keys():
            raise InputError(f"model {name}: needs a dict of {' and '.join(KEYS)}")
        shapes = [tuple(inputs[key].shape) for key in KEYS]
        if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][1] > length:
            raise InputError(
                f"model {name}: was built for texts of at most {length} tokens, input_ids and "
                f"attention_mask both (b, {length}); got {shapes[0]} and {shapes[1]}"
            )
