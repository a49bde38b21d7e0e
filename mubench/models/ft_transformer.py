"""FT-Transformer for tables: Gorishniy et al., arXiv 2106.11959, section 3.3.

Each column becomes a token: a number x becomes x * w + b, a category its embedding + b, which is
its one-hot inputs times a matrix. Pre-norm layers with ReGLU, without the first normalisation, and
the class token's output, as in the paper. Differs: a missing value has a vector of its own, and
there is no dropout by default, so that a small model can know its examples by heart.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from typing_extensions import override

from mubench.errors import InputError
from mubench.models.table_classifier import TableClassifier


class Tokenizer(nn.Module):
    """Tokens (b, 1 + C, width) of rows (b, D): a class token, and one for each of C columns."""

    columns: Tensor

    def __init__(self, widths: tuple[int, ...], width: int) -> None:
        super().__init__()
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(sum(widths), width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(len(widths), width).uniform_(-bound, bound))
        self.class_token = nn.Parameter(torch.empty(1, 1, width).uniform_(-bound, bound))
        number, inputs = torch.arange(len(widths)), sum(widths)
        column = number.repeat_interleave(torch.tensor(widths), output_size=inputs)
        mask = (column == number[:, None]).float()
        self.register_buffer("columns", mask, persistent=False)  # (C, D): which inputs are whose

    @override
    def forward(self, x: Tensor) -> Tensor:
        """One product for all columns, each of which sees its own inputs."""
        tokens = (x[:, None, :] * self.columns.to(x.dtype)) @ self.weight + self.bias
        return torch.cat([self.class_token.expand(len(x), -1, -1), tokens], 1)


class Layer(nn.Module):
    """Attention and a gated MLP, each added to what entered."""

    def __init__(self, width: int, heads: int, dropout: float, *, is_first: bool) -> None:
        super().__init__()
        hidden = int(width * 4 / 3)
        self.attention_norm = nn.Identity() if is_first else nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.entering = nn.Linear(width, 2 * hidden)
        self.dropout = nn.Dropout(dropout)
        self.leaving = nn.Linear(hidden, width)

    @override
    def forward(self, tokens: Tensor) -> Tensor:
        """(b, 1 + C, width), as it came."""
        x = self.attention_norm(tokens)
        tokens = tokens + self.attention(x, x, x, need_weights=False)[0]
        value, gate = self.entering(self.norm(tokens)).chunk(2, -1)
        changed: Tensor = tokens + self.leaving(self.dropout(value * relu(gate)))
        return changed


class FTTransformer(TableClassifier):
    """Tokens of the columns, `depth` layers, and the class token's output, normalised."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        width: int,
        depth: int,
        heads: int,
        dropout: float,
        widths: tuple[int, ...] = (),
    ) -> None:
        super().__init__(input_shape, widths)
        if width % heads:
            raise InputError(f"model FTTransformer: width {width} does not divide by {heads} heads")
        self.tokenizer = Tokenizer(self.widths, width)
        self.layers = nn.Sequential(
            *(Layer(width, heads, dropout, is_first=number == 0) for number in range(depth))
        )
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The tokenizer and the layers."""
        return (self.tokenizer, *self.layers)

    @override
    def features(self, inputs: Tensor) -> Tensor:
        """(b, width) of rows (b, D): what the class token has become."""
        tokens = self.layers(self.tokenizer(inputs))
        return relu(self.norm(tokens[:, 0]))


def ft_transformer(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    width: int,
    depth: int,
    heads: int,
    dropout: float = 0.0,
    widths: tuple[int, ...] = (),
) -> FTTransformer:
    """The paper's default has width 192, depth 3 and 8 heads."""
    return FTTransformer(
        input_shape,
        num_classes,
        width=width,
        depth=depth,
        heads=heads,
        dropout=dropout,
        widths=widths,
    )
