"""What unlearning costs: seconds, memory and energy, and counts that no busy machine disturbs."""

import math
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mubench.models.training.energy import counters, joules_between

MIB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """Cost of one timed region.

    `rte_seconds` is process CPU time on a CPU and synchronised wall time on a GPU, so that a busy
    CPU disturbs it little; `wall_seconds` stands beside it. `peak_mib` is memory above what was
    resident when the region began.
    """

    rte_seconds: float = 0.0
    wall_seconds: float = 0.0
    forward_examples: int = 0
    backward_examples: int = 0
    peak_mib: float = 0.0
    energy_joules: float | None = None
    """Of the device, whatever else ran on it; None where it cannot be read."""

    def __add__(self, other: "Cost") -> "Cost":
        energies = (self.energy_joules, other.energy_joules)
        return Cost(
            self.rte_seconds + other.rte_seconds,
            self.wall_seconds + other.wall_seconds,
            self.forward_examples + other.forward_examples,
            self.backward_examples + other.backward_examples,
            max(self.peak_mib, other.peak_mib),
            None if None in energies else sum(filter(None, energies)),
        )


class Meter:
    """Counts examples that go forward and backward through watched models.

    Copies of a watched model are watched too: `deepcopy` copies its hook. Code that bypasses
    modules (per-example gradients by `torch.func`) runs under `paused` and calls `count`.
    """

    def __init__(self) -> None:
        self.forward_examples = 0
        self.backward_examples = 0
        self._is_paused = False

    def __deepcopy__(self, memo: dict[int, Any]) -> "Meter":
        return self  # a teacher copied from a watched model counts into the same meter

    def count(self, *, forward: int = 0, backward: int = 0) -> None:
        """Add examples that no hook saw."""
        self.forward_examples += forward
        self.backward_examples += backward

    @contextmanager
    def watch(self, model: nn.Module) -> Iterator[None]:
        """Count the batches of `model` while the context lasts."""
        handle = model.register_forward_hook(_Counter(self))
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Ignore hooks while the context lasts."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def _saw(self, output: Tensor) -> None:
        if self._is_paused:
            return
        examples = output.shape[0]
        self.forward_examples += examples
        if output.requires_grad:
            output.register_hook(lambda _: self.count(backward=examples))


class _Counter:
    """The forward hook; an object rather than a closure, so that it survives `deepcopy`."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self.meter._saw(output)


class Clock:
    """Filled when its `measure` region ends."""

    cost: Cost


@cache
def _warm_up(device: torch.device) -> None:
    """Load what torch loads with its first optimizer: a second that no method is to pay for."""
    with torch.enable_grad():
        weight = nn.Parameter(torch.zeros(1, device=device))
        optimizer = torch.optim.SGD([weight], lr=0.0)
        (weight * weight).sum().backward()
        optimizer.step()


@contextmanager
def measure(device: torch.device, meter: Meter) -> Iterator[Clock]:
    """Time a region; examples are those that `meter` counts inside it."""
    _warm_up(device)
    clock = Clock()
    forward, backward = meter.forward_examples, meter.backward_examples
    resident = _start_peak(device)
    _synchronise(device)
    energy = counters(device)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield clock
    finally:
        _synchronise(device)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        clock.cost = Cost(
            rte_seconds=cpu if device.type == "cpu" else wall,
            wall_seconds=wall,
            forward_examples=meter.forward_examples - forward,
            backward_examples=meter.backward_examples - backward,
            peak_mib=max(0.0, _peak(device) - resident),
            energy_joules=joules_between(energy, counters(device), wall),
        )


class Stopwatch:
    """Adds up the seconds of work that is done in pieces; starts at once."""

    def __init__(self, device: torch.device) -> None:
        _warm_up(device)
        self.cost = Cost()
        """Of the pieces that ended."""
        self._device = device
        self.start()

    def start(self) -> None:
        """A piece begins."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """The piece ends."""
        _synchronise(self._device)
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self.cost += Cost(
            rte_seconds=cpu if self._device.type == "cpu" else wall, wall_seconds=wall
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done while the context lasts does not count."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@torch.enable_grad()
def flops_per_example(model: nn.Module, inputs: Any) -> tuple[int, int]:
    """Count (forward, backward) FLOPs of one example; counted once, then multiplied.

    The counter slows a small net elevenfold, so it never runs inside a timed region. It does not
    know every fused kernel of attention, so that attention is computed step by step for it.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    was_training = model.training
    model.eval()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
        output = model(inputs)
    with FlopCounterMode(display=False) as backward:
        torch.autograd.grad(output.sum(), [p for p in model.parameters() if p.requires_grad])
    model.train(was_training)
    return forward.get_total_flops(), backward.get_total_flops()


@torch.no_grad()
def weight_change(unlearned: nn.Module, original: nn.Module) -> float:
    """Norm of theta_u - theta_o over the norm of theta_o, over all parameters, in float64."""
    pairs = list(zip(unlearned.parameters(), original.parameters(), strict=True))
    moved = sum(float(((u - o).double() ** 2).sum()) for u, o in pairs)
    norm = sum(float((o.double() ** 2).sum()) for _, o in pairs)
    return math.sqrt(moved / norm)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _start_peak(device: torch.device) -> float:
    """Forget earlier peaks; return what is resident now, in MiB."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / MIB
    with suppress(OSError):  # Linux resets VmHWM on a write of 5
        Path("/proc/self/clear_refs").write_text("5")
    return _status_mib("VmRSS")


def _peak(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MIB
    return _status_mib("VmHWM")


def _status_mib(key: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux: the highest resident size so far, in KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for line in status.read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0.0
