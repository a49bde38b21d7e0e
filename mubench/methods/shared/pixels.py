"""The pixels behind a split's inputs, for methods that attack them."""

import torch
from torch import Tensor

from mubench.data.split import Pixels, Split
from mubench.errors import Refused


def pixels_of(split: Split) -> Pixels:
    """How the split's inputs come from pixels; inputs that all lie in [0, 1] are 8-bit pixels.

    Raises:
        Refused: they are not images, or their normalisation is not known.
    """
    if isinstance(split.take(torch.arange(1)).inputs, dict):
        raise Refused("an attack moves pixels, which these inputs do not have")
    if split.pixels is not None:
        return split.pixels
    for batch in split.batches(256):
        assert isinstance(batch.inputs, Tensor)
        low, high = batch.inputs.aminmax()
        if low < 0 or high > 1:
            raise Refused(
                "an attack moves pixels, but how these inputs were normalised is not known; give "
                "inputs in [0, 1] and normalise in the model"
            )
    return Pixels(torch.tensor(0.0), torch.tensor(1.0), 255)
