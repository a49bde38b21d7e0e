"""What a script of the field loads in every process: arrays from disk, behind DataLoaders."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from plain.methods import Data, Pair
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset

Example = tuple[Tensor, int]


class Images(Dataset[Example]):
    """Examples one by one, normalised already: decoding and transforms cost nothing here."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> Example:
        return torch.from_numpy(self.x[i]), int(self.y[i])


class Loaded:
    """Shuffled batches of a DataLoader."""

    def __init__(self, examples: Dataset[Example], size: int) -> None:
        self.loader = DataLoader(examples, batch_size=size, shuffle=True)
        self.iterator: Iterator[Pair] = iter(())

    def epoch(self) -> Iterator[Pair]:
        return iter(self.loader)

    def next(self, size: int) -> Pair:
        batch = next(self.iterator, None)
        if batch is None:
            self.iterator = iter(self.loader)
            batch = next(self.iterator)
        return batch


def read_sets(folder: Path, request: str | None) -> dict[str, Images]:
    """D_f, D_r and the held-out sets of a request; without one D_tr is `retain`."""
    data = np.load(folder / "data.npz")
    x, y = data["train_x"], data["train_y"]
    is_forgotten = np.zeros(len(y), dtype=bool)
    if request is not None:
        is_forgotten[np.load(folder / f"{request}.npy")] = True
    return {
        "forget": Images(x[is_forgotten], y[is_forgotten]),
        "retain": Images(x[~is_forgotten], y[~is_forgotten]),
        "validation": Images(data["validation_x"], data["validation_y"]),
        "test": Images(data["test_x"], data["test_y"]),
    }


def in_loaders(sets: Mapping[str, Images]) -> Data:
    """The sets of a request as methods take them."""
    forget = sets["forget"]
    unlabelled = Images(forget.x, np.full_like(forget.y, -1))
    union: Dataset[Example] = ConcatDataset([unlabelled, sets["retain"]])
    all_sets: dict[str, Dataset[Example]] = {**sets, "union": union}
    return lambda name, size: Loaded(all_sets[name], size)
