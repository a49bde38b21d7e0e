"""The environment of a step: device, versions, commit."""

import os
import platform
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import torch

from mubench import __version__
from mubench.catalogue.ids import package_version
from mubench.run.instructions import limited_to
from mubench.run.machine import usable_cpus
from mubench.sweep.kinds import Device
from mubench.sweep.steps import Execution


def is_exclusive(execution: Execution) -> bool:
    """Whether a step has its device to itself."""
    if execution.device == "cuda":
        return execution.resources.gpu >= 1
    return execution.threads >= usable_cpus()


def is_alone(execution: Execution) -> bool:
    """Whether a counter of energy counts no other step.

    That of a processor counts all of the machine, of which a container may have a part.
    """
    has_all = execution.device == "cuda" or usable_cpus() == os.cpu_count()
    return has_all and is_exclusive(execution)


def device_name(device: Device) -> str:
    """The model of the device, such as `NVIDIA H100` or the processor's name.

    The driver of a cluster, which records steps whose worker died, may have no GPU itself.
    """
    if device == "cpu":
        return _processor()
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU here"


@cache
def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def numerics(device: Device) -> dict[str, str]:
    """Settings that decide the last bits of numbers, beside versions and threads.

    `capability` is the vector instructions of torch's own kernels (AVX2, AVX512), `limit` what
    oneDNN and MKL are limited to. On a GPU also cuDNN's version, and whether TF32 is allowed.
    """
    found = {"capability": torch.backends.cpu.get_cpu_capability(), "limit": limited_to()}
    if device == "cuda":
        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        found |= {
            "cudnn": str(torch.backends.cudnn.version()),
            "tf32 (matmul, cuDNN)": ", ".join("on" if each else "off" for each in tf32),
            "deterministic": str(torch.are_deterministic_algorithms_enabled()).lower(),
        }
    return {name: value for name, value in found.items() if value}


@cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide numbers, as far as they are installed."""
    installed = {}
    for name in ("torch", "numpy", "scikit-learn", "optuna", "ray", "tokenizers", "transformers"):
        with suppress(PackageNotFoundError):  # those of an extra
            installed[name] = package_version(name)
    return {"mubench": __version__, "python": platform.python_version(), **installed}


@cache
def commit() -> str:
    """The commit of a checkout, with `+` where it was changed; empty for an installed package."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    git = ["git", "-C", str(root)]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    head = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, env=environment
    )
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"],
        capture_output=True,
        text=True,
        env=environment,
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
