"""Forget requests on toy data, with the trained original."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Inputs, Source, Split
from mubench.methods.base import ForgetTask
from mubench.methods.contract.toy_world import (
    CLASSES,
    Weights,
    blobs,
    conv,
    mlp,
    noisy,
    plain,
    rows_of_table,
    split_of,
    text,
    tokens,
    train,
    weights,
)
from mubench.models.training.descent import Precision

Modality = Literal["image", "text", "table"]
HIDDEN = -(10**6)
"""A withheld label that indexes nothing: -1 would quietly take the last class."""

EPOCHS = {"image": 5, "text": 20, "table": 5}
"""Of the original's training: it knows its examples, and there is something left to learn."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Sizes, seed and kind of a request; every call makes fresh data and a fresh original.

    Neither can spoil the next run, whatever a method does to them.
    """

    n_forget: int = 16
    n_retain: int = 32
    seed: int = 3
    is_classwise: bool = False
    """D_f is of one class, and D_r has none of it."""
    modality: Modality = "image"
    blocks: int = 1
    """Of the net for images: convolutions, each with BatchNorm."""
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    precision: Precision = "float32"
    nan_every: int = 0
    """One in so many examples of D_f and D_r has a pixel that is not a number; 0: none has."""

    def original(self) -> nn.Module:
        """The trained model in `eval()` mode, trained on what it is asked to forget as well."""
        model = new_model(self.modality, self.blocks)
        model.load_state_dict(_trained(self.modality, self.blocks))
        return model.to(device=self.device, dtype=self.dtype).eval()

    def task(self, altered: str = "") -> ForgetTask:
        """The request's task, with other data in the part named (a split, or another need)."""
        inputs, labels = self._examples()
        rows = torch.arange(len(labels), device=self.device)
        forget, retain = rows[: self.n_forget], rows[self.n_forget :]
        if altered in ("forget", "retain"):
            inputs = _other(inputs, forget if altered == "forget" else retain)
        if altered in ("forget", "forget_labels", "retain"):
            changed = retain if altered == "retain" else forget
            labels[changed] = (labels[changed] + 1) % CLASSES
        source = Source(inputs, labels, rows, noisy if self.modality == "image" else plain)
        kind = _Hidden if altered == "forget_labels" else Split
        validation = _data(self.modality, 12, seed=2 if altered == "validation" else 1)
        return ForgetTask(
            splits={
                "forget": kind(source, forget),
                "retain": Split(source, retain),
                "validation": self._placed(validation),
            },
            num_classes=CLASSES,
            seed=self.seed,
            new_model=self._maker(seed=1 if altered == "initial_weights" else 0),
            precision=self.precision,
        )

    def _examples(self) -> tuple[Inputs, Tensor]:
        """Inputs and labels, those of D_f first."""
        n = self.n_forget + self.n_retain
        full = self._placed(_data(self.modality, CLASSES * n if self.is_classwise else n))
        rows = torch.arange(len(full), device=self.device)
        if self.is_classwise:
            of_class = full.labels == 0
            rows = torch.cat([rows[of_class][: self.n_forget], rows[~of_class][: self.n_retain]])
        batch = full.take(rows)
        if self.nan_every and isinstance(batch.inputs, Tensor):
            batch.inputs[:: self.nan_every].flatten(1)[:, 0] = torch.nan
        return batch.inputs, batch.labels

    def _placed(self, split: Split) -> Split:
        """The split on the request's device and in its dtype."""
        batch = split.take(torch.arange(len(split)))
        if isinstance(batch.inputs, dict):
            inputs: Inputs = {name: v.to(self.device) for name, v in batch.inputs.items()}
            return split_of(inputs, batch.labels.to(self.device))
        inputs = batch.inputs.to(device=self.device, dtype=self.dtype)
        return split_of(inputs, batch.labels.to(self.device), noisy)

    def _maker(self, seed: int) -> Callable[[], nn.Module]:
        def make() -> nn.Module:
            model = new_model(self.modality, self.blocks, seed)
            return model.to(device=self.device, dtype=self.dtype)

        return make


class _Hidden(Split):
    @override
    def blinded(self) -> "_Hidden":
        blind = super().blinded()
        return _Hidden(blind._source, blind._rows)

    @override
    def without_labels(self) -> Split:
        return self.with_labels(torch.full_like(self.labels, HIDDEN))


def new_model(modality: Modality, blocks: int, seed: int = 0) -> nn.Module:
    """The net with its initial weights."""
    match modality:
        case "image":
            return conv(seed, blocks)
        case "table":
            return mlp(seed)
        case _:
            return text(seed)


@cache
def _trained(modality: Modality, blocks: int) -> Weights:
    model = new_model(modality, blocks)
    train(model, _data(modality, 48), epochs=EPOCHS[modality])
    return weights(model)


def _data(modality: Modality, n: int, *, seed: int = 0) -> Split:
    match modality:
        case "image":
            return blobs(n, seed=seed)
        case "table":
            return rows_of_table(n, seed=seed)
        case _:
            return tokens(n, seed=seed)


def _other(inputs: Inputs, rows: Tensor) -> Inputs:
    """Inputs that differ at `rows`."""
    if isinstance(inputs, dict):
        ids = inputs["input_ids"].clone()
        ids[rows] = (ids[rows] + 1) % 11
        return {**inputs, "input_ids": ids}
    changed = inputs.clone()
    changed[rows] = -changed[rows]
    return changed
