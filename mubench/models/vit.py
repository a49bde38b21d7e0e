"""Vision transformers: Dosovitskiy et al., arXiv 2010.11929, of torchvision's encoder layers.

ViT-S is of Touvron et al., arXiv 2012.12877. Differs from the papers: smaller images are resized
inside the model, so that a data set keeps its own size; and a new classifier has torch's random
initial weights, where fine-tuning starts from zeros.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.vision_transformer import EncoderBlock
from typing_extensions import override

from mubench.errors import InputError
from mubench.models import pretrained_weights
from mubench.models.image_classifier import ImageClassifier

_NAMES = {
    "class_token": "embedding.class_token",
    "encoder.pos_embedding": "embedding.positions",
    "conv_proj.": "embedding.patches.",
    "encoder.layers.encoder_layer_": "layers.",
    "encoder.ln.": "norm.",
    "heads.head.": "classifier.",
}
"""How parameters are called in torchvision, and here."""

_LAYER_NORM = partial(nn.LayerNorm, eps=1e-6)


class Embedding(nn.Module):
    """Patches of `patch` x `patch` pixels, a class token before them, and a vector a position."""

    def __init__(self, channels: int, sides: tuple[int, int], patch: int, width: int) -> None:
        super().__init__()
        count = (sides[0] // patch) * (sides[1] // patch)
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, count + 1, width))
        nn.init.trunc_normal_(self.patches.weight, std=(channels * patch**2) ** -0.5)
        nn.init.zeros_(self.patches.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.positions, std=0.02)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """(b, 1 + n, width) of images (b, c, h, w), n patches each."""
        patches = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches], 1)
        return tokens + self.positions


class ViT(ImageClassifier):
    """Embedded patches, `depth` encoder layers, and the class token's output, normalised.

    `resize` scales images to that height and width first, bilinearly; None takes them as they are.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        resize: int | None = None,
    ) -> None:
        super().__init__(input_shape, smallest=1 if resize else patch)
        channels, height, rows = input_shape
        self.sides = (resize, resize) if resize else (height, rows)
        if any(side % patch for side in self.sides):
            raise InputError(
                f"model ViT: images of {self.sides[0]}x{self.sides[1]} do not divide into patches "
                f"of {patch}x{patch}; take a model that resizes them"
            )
        self.embedding = Embedding(channels, self.sides, patch, width)
        layers = (
            EncoderBlock(heads, width, 4 * width, 0.0, 0.0, norm_layer=_LAYER_NORM)
            for _ in range(depth)
        )
        self.layers = nn.Sequential(*layers)
        self.norm = _LAYER_NORM(width)
        self.classifier = nn.Linear(width, num_classes)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The embedding and the layers."""
        return (self.embedding, *self.layers)

    @override
    def features(self, inputs: Tensor) -> Tensor:
        """(b, width) of images (b, c, h, w): what the class token has become."""
        if tuple(inputs.shape[2:]) != self.sides:
            inputs = interpolate(inputs, self.sides, mode="bilinear", antialias=True)
        tokens: Tensor = self.norm(self.layers(self.embedding(inputs)))
        return tokens[:, 0]


def vit(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    patch: int,
    width: int,
    depth: int,
    heads: int,
    resize: int | None = None,
    weights: str | None = None,
) -> ViT:
    """ViT-B/16 has patches of 16, width 768, depth 12 and 12 heads; ViT-S/16 width 384 and 6 heads.

    `weights` is a local file of weights under torchvision's names; a classifier in it is used where
    it has as many classes.

    Raises:
        InputError: images or weights do not fit the model.
    """
    model = ViT(
        input_shape,
        num_classes,
        patch=patch,
        width=width,
        depth=depth,
        heads=heads,
        resize=resize,
    )
    if weights is not None:
        pretrained_weights.load_weights(
            model, renamed(pretrained_weights.read_weights(weights)), weights
        )
    return model


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under torchvision's names, under the names of this module."""

    def ours(name: str) -> str:
        known = (old for old in _NAMES if name.startswith(old))
        return next((_NAMES[old] + name.removeprefix(old) for old in known), name)

    return {ours(name): value for name, value in weights.items()}
