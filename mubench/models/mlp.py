"""A multilayer perceptron for tables, as in Gorishniy et al., arXiv 2106.11959, section 3.1.

It has no normalisation that looks at a batch: what an example contributed is in weights alone.
"""

from torch import Tensor, nn
from typing_extensions import override

from mubench.models.table_classifier import TableClassifier


class MLP(TableClassifier):
    """`depth` hidden layers of `width` with ReLU, and perhaps dropout behind each."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        width: int,
        depth: int,
        dropout: float,
        widths: tuple[int, ...] = (),
    ) -> None:
        super().__init__(input_shape, widths)
        layers = []
        entering = input_shape[0]
        for _ in range(depth):
            behind = [nn.Dropout(dropout)] if dropout else []
            layers.append(nn.Sequential(nn.Linear(entering, width), nn.ReLU(), *behind))
            entering = width
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The hidden layers."""
        return tuple(self.layers)

    @override
    def features(self, inputs: Tensor) -> Tensor:
        """(b, width) of rows (b, D)."""
        features: Tensor = self.layers(inputs)
        return features


def mlp(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    width: int,
    depth: int,
    dropout: float = 0.0,
    widths: tuple[int, ...] = (),
) -> MLP:
    """The MLP of a card; it takes all inputs alike, whatever column they came from."""
    return MLP(input_shape, num_classes, width=width, depth=depth, dropout=dropout, widths=widths)
