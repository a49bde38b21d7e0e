"""Energy of a device between two readings of the counters that its maker built in.

Of a CPU its packages, by RAPL as Linux shows it below `/sys/class/powercap` (counters of memory
and of the whole platform, which not every machine has, do not count). Of a GPU its own total, by
NVML. Both count whatever runs there. Many machines let only root read RAPL.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")
MOST_WATTS = 500
"""More than a package draws: what it could use within a region tells whether its counter, which
begins at 0 again and again, may have done so twice."""


@dataclass(frozen=True)
class Counter:
    """A counter as it stood, in joules."""

    joules: float
    range: float = math.inf
    """Where it begins at 0 again."""


def counters(device: torch.device) -> tuple[Counter, ...]:
    """Read the counters of a device; none where they are absent or may not be read."""
    return _of_gpu(device) if device.type == "cuda" else _of_packages()


def joules_between(
    before: Sequence[Counter], after: Sequence[Counter], seconds: float
) -> float | None:
    """Joules used between two readings; None where there are none, or they are too far apart."""
    shortest = min((counter.range for counter in before), default=0.0)
    if len(before) != len(after) or seconds * MOST_WATTS >= shortest:
        return None
    pairs = zip(before, after, strict=True)
    return sum((now.joules - then.joules) % then.range for then, now in pairs)


def _of_packages() -> tuple[Counter, ...]:
    zones = sorted(POWERCAP.glob("intel-rapl:*"))  # the name of AMD's, too
    try:
        packages = [z for z in zones if (z / "name").read_text().startswith("package-")]
        return tuple(
            Counter(_joules(zone / "energy_uj"), _joules(zone / "max_energy_range_uj"))
            for zone in packages
        )
    except (OSError, ValueError):
        return ()


def _joules(file: Path) -> float:
    return int(file.read_text()) / 1e6


def _of_gpu(device: torch.device) -> tuple[Counter, ...]:
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(device).uuid
        gpu = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        return (Counter(pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1e3),)
    except pynvml.NVMLError:
        return ()
