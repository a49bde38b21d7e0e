"""A device for machines without a GPU: its tensors are refused where a GPU's would be.

Tensors "there" report the device `meta` and hold their values in host memory. An operation that
mixes them with tensors of the host fails, as it does on a GPU, and whatever makes the host wait for
the device is counted. Numbers are those of the CPU.
"""

import warnings
from collections import Counter
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

THERE = torch.device("meta")

aten = torch.ops.aten
_READS = {aten._local_scalar_dense.default, aten.equal.default, aten.is_nonzero.default}
_SIZED_BY_VALUES = {
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.bincount.default,
    aten.repeat_interleave.Tensor,
}
"""The host waits for how large their results are."""
_INDEXING = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default}


class There(torch.Tensor):
    """A tensor on the simulated device; its values lie in `held`, on the host."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=THERE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError(f"{func} on the simulated device, outside of `SimulatedDevice`")


class _Values(TorchFunctionMode):
    """`torch.tensor` makes nothing of the values that it is to put on `meta`."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu") == THERE:
            del kwargs["device"]
            return func(*args, **kwargs).to(THERE)
        return func(*args, **kwargs)


class SimulatedDevice(TorchDispatchMode):
    """Within it `.to(THERE)` brings tensors to the device; `waits` counts what the host waits for.

    A copy to the device is a wait unless it is `non_blocking`.
    """

    def __init__(self):
        super().__init__()
        self.waits = Counter()

    def __enter__(self):
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message=".*copying from a non-meta parameter")
            stack.enter_context(_Values())
            # Its optimizers make their step by one kernel, as a CPU's and a GPU's do.
            devices = "torch.optim.optimizer._get_fused_kernels_supported_devices"
            stack.enter_context(patch(devices, lambda: ["cpu", THERE.type]))
            self._stack = stack.pop_all()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._stack.close()

    @contextmanager
    def counted(self):
        """The waits while the context lasts."""
        before, seen = self.waits.copy(), Counter()
        yield seen
        seen.update(self.waits - before)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        there = [tensor for tensor in tensors if isinstance(tensor, There)]
        goes_there = bool(there)
        if kwargs.get("device") is not None:
            goes_there = torch.device(kwargs["device"]).type == THERE.type
            kwargs["device"] = torch.device("cpu")
        self._count(func, args, kwargs, tensors, there, goes_there)
        held = {id(tensor.held): tensor for tensor in there}
        result = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        return tree_map(lambda value: _placed(value, held, goes_there), result)

    def _count(self, func, args, kwargs, tensors, there, goes_there):
        """Count a wait; refuse tensors of two places."""
        name = func.overloadpacket.__name__
        if func is aten._to_copy.default:
            enters = goes_there and not there and not kwargs.get("non_blocking")
            self._wait_if(enters, "to the device")
            self._wait_if(there and not goes_there, "to the host")
            return
        if not there:
            return
        self._wait_if(func in _READS or func in _SIZED_BY_VALUES, name)
        here = [x for x in tensors if x.ndim and not isinstance(x, There)]
        if func in (aten.copy_.default, aten._copy_from.default):
            self._wait_if(here, name)
        elif func in _INDEXING:
            indices = [x for x in tree_leaves(args[1]) if isinstance(x, torch.Tensor)]
            by_values = any(index.dtype in (torch.bool, torch.uint8) for index in indices)
            self._wait_if(by_values or here, name)
            here = [x for x in here if not any(x is index for index in indices)]
            if not isinstance(args[0], There):
                here.append(args[0])
            _require(func, here)
        else:
            _require(func, here)

    def _wait_if(self, waits, what):
        if waits:
            self.waits[what] += 1


def _require(func, here):
    if here:
        raise RuntimeError(f"{func}: all tensors should be on one device, these are on the host")


def _held(value):
    return value.held if isinstance(value, There) else value


def _placed(value, held, goes_there):
    if not isinstance(value, torch.Tensor) or not goes_there:
        return value
    return held[id(value)] if id(value) in held else There(value)
