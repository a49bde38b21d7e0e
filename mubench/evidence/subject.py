"""The model under examination, and what it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Split
from mubench.models.recipe import Recipe


@dataclass(frozen=True)
class Subject:
    """A model of a final request. Nothing here may be changed: tests work on copies."""

    model: nn.Module
    original: nn.Module
    retrained: nn.Module | None
    """The Retrain that gaps are taken to; None for itself."""
    forget: Split
    retain: Split
    recipe: Recipe
    """That of the original and of Retrain."""
    num_classes: int
    seed: int
    """Of the request: all models of a request meet the same draws."""

    @property
    def references(self) -> Mapping[str, nn.Module]:
        """Original and Retrain by name, without the model itself."""
        others = {"original": self.original, "retrain": self.retrained}
        return {name: other for name, other in others.items() if other is not None}

    def generator(self, name: str) -> torch.Generator:
        """A CPU generator of its own for `name`."""
        return torch.Generator().manual_seed(derive_seed(self.seed, name))

    def drawn(self, split: Split, most: int, name: str) -> tuple[Split, Split]:
        """At most `most` examples of a split, drawn, and the rest, both in their order."""
        order = torch.randperm(len(split), generator=self.generator(name)).to(split.device)
        first, rest = order[:most].sort().values, order[most:].sort().values
        return split.subset(first), split.subset(rest)
