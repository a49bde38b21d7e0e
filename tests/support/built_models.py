"""Every model card, built small."""

import torch
from torch import nn

from mubench.catalogue import cards
from mubench.data.split import Inputs
from mubench.models.build import build_model

CARDS = {name: cards.model(name).card for name in cards.names("models")}
SHAPES = {
    "small_cnn": (1, 8, 8),
    "resnet18_imagenet": (3, 224, 224),
    "resnet50_imagenet": (3, 224, 224),
    "bert_tiny": (128,),
    "bert_base": (256,),
    "mlp": (30,),
    "ft_transformer": (30,),
}
"""What the cards' numbers of parameters hold for; 3x32x32 images where a card is not named."""
BUILT = [
    "small_cnn",
    "resnet_small",
    "resnet18",
    "resnet50",
    "resnet18_imagenet",
    "vgg_small",
    "vit_mini",
    "vit_small",
    "bert_tiny",
    "mlp",
    "ft_transformer",
]
"""Every architecture once or twice; the others are larger ones of the same code."""


def shape_of(name: str) -> tuple[int, ...]:
    return SHAPES.get(name, (3, 32, 32))


def make(name: str, seed: int = 0) -> nn.Module:
    return build_model(CARDS[name], 10, shape_of(name), seed)


def inputs_of(name: str, n: int) -> Inputs:
    generator, shape = torch.Generator().manual_seed(0), shape_of(name)
    if CARDS[name]["modality"] != "text":
        return torch.rand(n, *shape, generator=generator)
    mask = torch.ones(n, *shape, dtype=torch.int64)
    mask[::2, 100:] = 0
    return {
        "input_ids": torch.randint(0, 8000, (n, *shape), generator=generator),
        "attention_mask": mask,
    }
