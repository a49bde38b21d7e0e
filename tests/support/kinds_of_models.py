"""A small model of every kind."""

from functools import cache

import torch

from mubench.catalogue import cards
from mubench.methods.contract.toy_world import noisy
from mubench.models.build import build_model
from tests.support.toy import CLASSES, split_of

KINDS = {
    "vgg_small": {},
    "vit_mini": {},
    "bert_tiny": {},
    "mlp": {"width": 16},
    "ft_transformer": {"width": 8, "heads": 2},
    "resnet50": {"widths": [8, 16], "blocks": [1, 1], "stem_stride": 2},
}
"""Models, and what makes a large one small."""
N = 18
WIDTHS = (1, 3, 1, 2)
"""Of a table: two numbers, three categories, and a number that may be missing."""


def card_of(kind):
    card = cards.model(kind).card
    return {**card, "arguments": {**card["arguments"], **KINDS[kind]}}


def new_model(kind, seed=0):
    shape = {"image": (3, 16, 16), "text": (128,), "table": (sum(WIDTHS),)}
    of_table = WIDTHS if cards.model(kind).modality == "table" else ()
    return build_model(card_of(kind), CLASSES, shape[cards.model(kind).modality], seed, of_table)


@cache
def examples(kind):
    generator, labels = torch.Generator().manual_seed(0), torch.arange(N) % CLASSES
    if cards.model(kind).modality == "image":
        bright = labels.view(-1, 1, 1, 1) / CLASSES
        return split_of(torch.rand(N, 3, 16, 16, generator=generator) + bright, labels, noisy)
    if cards.model(kind).modality == "table":
        numbers = torch.rand(N, sum(WIDTHS), generator=generator) + labels[:, None] / CLASSES
        numbers[:, 1:4] = torch.nn.functional.one_hot(labels)
        numbers[:, 6] = torch.arange(N) % 2
        return split_of(numbers, labels)
    ids = torch.randint(5, 8000, (N, 12), generator=generator)
    ids[:, 1] = labels + 10
    mask = torch.ones(N, 12, dtype=torch.int64)
    mask[::2, 9:] = 0
    return split_of({"input_ids": ids, "attention_mask": mask}, labels)
