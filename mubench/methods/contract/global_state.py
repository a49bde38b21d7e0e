"""Global state that no method may read or change: generators, and torch's settings."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def state() -> dict[str, Any]:
    """The global state, by names for messages; values can be compared."""
    legacy: Any = np.random.get_state()  # noqa: NPY002
    return {
        "torch's global generator": torch.get_rng_state().tolist(),
        "numpy's global generator": (legacy[1].tolist(), *legacy[2:]),
        "Python's global generator": random.getstate(),
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch records gradients": torch.is_grad_enabled(),
    }


@contextmanager
def restored() -> Iterator[None]:
    """Restore the global state at the end of the context."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    dtype, records = torch.get_default_dtype(), torch.is_grad_enabled()
    with torch.random.fork_rng(devices=()):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(records)


def move_generators() -> None:
    """Move the global generators to an unusual state."""
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
