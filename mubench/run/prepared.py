"""What a method prepared for a request: made once, then shared by all workers through the store."""

from collections.abc import Callable
from dataclasses import asdict

import torch

from mubench.methods.base import Prepared
from mubench.models.training.cost_meter import Cost
from mubench.store.artefacts import Artefacts

STORED_BYTES = 2**28
"""What is larger stays in the worker that made it: a Krylov basis of a large model."""
_PART = "tensors"


def read_or_make(
    artefacts: Artefacts, key: str, device: torch.device, make: Callable[[], Prepared]
) -> Prepared:
    """The stored preparation of this key; without one, or with a damaged one, a new one."""
    if artefacts.has_whole(key):
        return _read(artefacts, key, device)
    found = make()
    if sum(tensor.nbytes for tensor in found.value.values()) <= STORED_BYTES:
        arrays = {name: tensor.cpu().numpy() for name, tensor in found.value.items()}
        about = {"cost": asdict(found.cost), "diverged": found.diverged}
        artefacts.save(key, {_PART: arrays}, about)
    return found


def _read(artefacts: Artefacts, key: str, device: torch.device) -> Prepared:
    about, arrays = artefacts.about(key), artefacts.load(key, _PART)
    value = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    return Prepared(value, Cost(**about["cost"]), about["diverged"])
