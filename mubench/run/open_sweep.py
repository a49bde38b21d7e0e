"""A sweep opened for work: its file, its plan, and the store that it fills."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mubench.data.availability import decode_present
from mubench.store.results import SweepResults, outline
from mubench.store.results_files import current_results, save_outline
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.kinds import STEP_KINDS, Device
from mubench.sweep.load import LoadedSweep
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.sweep.spec import SweepSpec


@dataclass(frozen=True)
class OpenSweep:
    """A sweep file, its plan, and the store that it fills."""

    loaded: LoadedSweep
    plan: Plan
    store: Store

    @property
    def source(self) -> SweepResults:
        """The results that the report is made from, with the records in the store."""
        return current_results(self.plan, self.outline, self.store)

    @property
    def outline(self) -> SweepResults:
        """The results without records."""
        return outline(self.plan, self.loaded)

    def save(self) -> None:
        """Keep the sweep in its store, so that it can be reported without its file."""
        save_outline(self.plan, self.outline, self.store)


def open_sweep(
    name: str,
    store: str,
    overrides: Iterable[str] = (),
    device: Device | None = None,
    data_dir: str | None = None,
    *,
    decode: bool = False,
    has_gpu: bool | None = None,
) -> OpenSweep:
    """Read a sweep file and plan it.

    Args:
        name: a path, or the name of a built-in sweep.
        store: a folder, or a bucket such as `s3://bucket/store`.
        overrides: `key.path=value` in YAML.
        device: where steps run; without it a GPU if the sweep asks for one and one is present.
        data_dir: folder of data sets, for those that lie in files.
        decode: whether to decode data files that are present and not cached; without it their
            steps in the store cannot be recognised.
        has_gpu: whether there is a GPU where steps run; without it, whether this machine has one.

    Raises:
        InputError: bad input, in one line.
        DataError: data that must be decoded are damaged.
        StoreError: the store is of another format.
    """
    loaded = load.load(name, overrides)
    return open_loaded(loaded, store, device, data_dir, decode=decode, has_gpu=has_gpu)


def open_loaded(
    loaded: LoadedSweep,
    store: str,
    device: Device | None = None,
    data_dir: str | None = None,
    *,
    decode: bool = False,
    has_gpu: bool | None = None,
) -> OpenSweep:
    """Plan a sweep that is read already; arguments and errors are those of `open_sweep`."""
    if decode:
        decode_present((data.card for data in loaded.spec.grid.dataset), data_dir)
    plan = make_plan(loaded.spec, device or default_device(loaded.spec, has_gpu), data_dir)
    return OpenSweep(loaded, plan, Store(store))


def open_recorded(
    name: str,
    store: str,
    overrides: Iterable[str] = (),
    device: Device | None = None,
    data_dir: str | None = None,
) -> OpenSweep:
    """Read and plan a sweep to look at it, on the device on which it ran.

    A cluster with GPUs may have filled the store, and this machine have none: where the store
    knows no step of the plan for this machine, but some for the other device, that plan is taken.
    """
    opened = open_sweep(name, store, overrides, device, data_dir)
    if device is not None:
        return opened
    saved = opened.store.last_steps(opened.plan.name)
    if saved and saved.isdisjoint(opened.plan.steps):
        other: Device = "cpu" if opened.plan.device == "cuda" else "cuda"
        plan = make_plan(opened.loaded.spec, other, data_dir)
        if not saved.isdisjoint(plan.steps):
            return replace(opened, plan=plan)
    return opened


def default_device(sweep: SweepSpec, has_gpu: bool | None = None) -> Device:
    """`cuda` where the sweep asks for GPU shares and there is a GPU: `has_gpu`, or one here."""
    wants = any(sweep.resources.of(kind).gpu > 0 for kind in STEP_KINDS)
    if has_gpu is None:
        driver = Path("/proc/driver/nvidia/version")
        has_gpu = driver.exists() or shutil.which("nvidia-smi") is not None
    return "cuda" if wants and has_gpu else "cpu"
