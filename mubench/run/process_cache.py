"""Data and models that a worker process keeps between steps, so that they are loaded once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from mubench.catalogue.phases import phase
from mubench.data.availability import UNKNOWN
from mubench.data.dataset import Dataset, load_dataset
from mubench.data.forget_sets import split_forget_retain
from mubench.data.scenario import Purpose
from mubench.data.split import Split
from mubench.errors import DataError
from mubench.methods.base import Prepared
from mubench.metrics.outputs import Evaluated
from mubench.models.training.cost_meter import Cost
from mubench.store.artefacts import Artefacts
from mubench.store.store import Store
from mubench.sweep.kinds import Device
from mubench.sweep.request import Request, Training

STORED_BYTES = 2**28
"""A larger preparation stays in the worker that made it: a Krylov basis of a large model."""
_PREPARED_PART = "tensors"

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """The `size` values that were used last, by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of this key, made if it is not kept."""
        if key not in self._values:
            self._values[key] = make()
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]


_DataKey = tuple[str, str, str, tuple[str, ...], Device]


class ProcessCache:
    """Data, originals, outputs of references and preparations of recent steps of one process.

    It belongs to the worker. A method sees none of it: it gets a `ForgetTask`.
    """

    def __init__(self, store: Store, data_dir: str | None) -> None:
        self.store = store
        self._data_dir = Path(data_dir) if data_dir else None
        self._datasets: LRUCache[_DataKey, Dataset] = LRUCache(4)
        self._divided: LRUCache[tuple[str, str, Purpose, Device], tuple[Split, Split]] = LRUCache(4)
        self.originals: LRUCache[tuple[str, Device], nn.Module] = LRUCache(4)
        """By the original's id."""
        self.flops: LRUCache[str, tuple[int, int]] = LRUCache(8)
        """Forward and backward FLOPs of one example, by data set and model."""
        self.original_outputs: LRUCache[tuple[str, str, Purpose], Evaluated] = LRUCache(4)
        """By the original's id and the request."""
        self.retrained: LRUCache[tuple[str, Purpose], Evaluated] = LRUCache(4)
        """By the Retrain's id."""
        self.retrained_values: LRUCache[tuple[str, Purpose], dict[str, float]] = LRUCache(8)
        self._prepared: LRUCache[str, Prepared] = LRUCache(2)

    def dataset(self, training: Training, splits: tuple[str, ...], device: Device) -> Dataset:
        """Splits of a training's data set, with its inputs as the model takes them.

        Raises:
            DataError: the data are missing, damaged, or not those of the plan.
        """
        tokens = training.model.card.tokens
        return self._datasets.get(
            (training.dataset.label, training.data_id, str(tokens), splits, device),
            lambda: self._load(training, splits, device, tokens),
        )

    @phase("data")
    def forget_retain(self, request: Request, train: Split, device: Device) -> tuple[Split, Split]:
        """D_f and D_r of a request, out of D_tr."""
        return self._divided.get(
            (request.name, request.training.data_id, request.purpose, device),
            lambda: split_forget_retain(
                train, request.scenario, request.purpose, request.flat_seed
            ),
        )

    def prepared(self, key: str, device: torch.device, make: Callable[[], Prepared]) -> Prepared:
        """What a method prepared under `key`, here or in another worker; else made now."""
        artefacts = self.store.artefacts
        return self._prepared.get(key, lambda: read_or_make(artefacts, key, device, make))

    @phase("data")
    def _load(
        self,
        training: Training,
        splits: tuple[str, ...],
        device: Device,
        tokens: Mapping[str, Any] | None,
    ) -> Dataset:
        card, options = training.dataset.card, training.dataset.options
        data = load_dataset(card.card, options, splits, device, self._data_dir, tokens=tokens)
        if data.fingerprint != training.data_id != UNKNOWN:
            raise DataError(
                f"dataset {card.name}: these are not the data that the sweep was planned for "
                f"({data.fingerprint} instead of {training.data_id})"
            )
        return data


def read_or_make(
    artefacts: Artefacts, key: str, device: torch.device, make: Callable[[], Prepared]
) -> Prepared:
    """The stored preparation of this key; if it is missing or damaged, a new one."""
    if artefacts.has_whole(key):
        return _read_prepared(artefacts, key, device)
    prepared = make()
    if sum(tensor.nbytes for tensor in prepared.value.values()) <= STORED_BYTES:
        arrays = {name: tensor.cpu().numpy() for name, tensor in prepared.value.items()}
        about = {"cost": asdict(prepared.cost), "diverged": prepared.diverged}
        artefacts.save(key, {_PREPARED_PART: arrays}, about)
    return prepared


def _read_prepared(artefacts: Artefacts, key: str, device: torch.device) -> Prepared:
    about, arrays = artefacts.about(key), artefacts.load(key, _PREPARED_PART)
    value = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    return Prepared(value, Cost(**about["cost"]), about["diverged"])
