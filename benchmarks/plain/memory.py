"""Batches of tensors in memory, without a DataLoader: as cheap as plain PyTorch gets."""

from collections.abc import Iterator, Mapping

import torch
from plain.methods import Data, Pair
from torch import Tensor


class Memory:
    """Shuffled batches of x (n, ...) and y (n,), as even as possible."""

    def __init__(self, x: Tensor, y: Tensor, size: int) -> None:
        self.x, self.y = x, y
        self.parts = -(-len(y) // size)
        self.left = torch.empty(0, dtype=torch.int64)

    def epoch(self) -> Iterator[Pair]:
        for rows in torch.randperm(len(self.y)).tensor_split(self.parts):
            yield self.x[rows], self.y[rows]

    def next(self, size: int) -> Pair:
        size = min(size, len(self.y))
        while len(self.left) < size:
            self.left = torch.cat([self.left, torch.randperm(len(self.y))])
        rows, self.left = self.left[:size], self.left[size:]
        return self.x[rows], self.y[rows]


def in_memory(sets: Mapping[str, Pair]) -> Data:
    """The sets of a request, `forget` and `retain`, as methods take them."""
    (x_f, y_f), (x_r, y_r) = sets["forget"], sets["retain"]
    union = torch.cat([x_f, x_r]), torch.cat([torch.full_like(y_f, -1), y_r])
    all_sets = {**sets, "union": union}
    return lambda name, size: Memory(*all_sets[name], size)
