"""Check of the environment: device, packages, disk, data sets."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from mubench.catalogue import cards
from mubench.catalogue.ids import package_version
from mubench.data.cache.decoded import known_fingerprint, stored_dataset
from mubench.data.sources.locate import is_in_files, locate
from mubench.errors import MubenchError, plural
from mubench.run.machine import usable_cpus
from mubench.run.open_sweep import default_device
from mubench.run.storage import free_bytes, in_units, require_space, storage_of
from mubench.store.lookup import parse_sweep
from mubench.store.results_files import read_results
from mubench.store.store import Store
from mubench.sweep.planner import make_plan


def findings(data_dir: str | None) -> Iterator[tuple[str, str]]:
    """Name and finding, one at a time: torch takes seconds to say whether it sees a GPU."""
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for package in ("torch", "ray", "mlflow", "optuna", "pyarrow"):
        yield package, package_version(package)
    yield "cpu", f"{plural(os.cpu_count() or 1, 'core')}, {usable_cpus()} usable by this process"
    yield "gpu", _gpu()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield "disk", f"{free:.0f} GiB free in this folder"
    for name in cards.names("datasets"):
        yield name, _dataset(name, data_dir)


def space(store: Store, data_dir: str | None) -> Iterator[tuple[str, str]]:
    """Name and finding for each saved sweep: what it will still store, beside the free space."""
    free, done = free_bytes(store), store.records.statuses()
    yield "store", "in a bucket" if free is None else f"{in_units(free)} free in {store.uri}"
    for name in store.sweeps():
        try:
            sweep = parse_sweep(read_results(store, name))
            plan = make_plan(sweep, default_device(sweep), data_dir)
            missing = [step for key, step in plan.steps.items() if key not in done]
            needed = in_units(storage_of(missing).total) if missing else "nothing"
            warning = require_space(missing, store)
            yield name, warning or f"{needed} more will be stored"
        except MubenchError as error:
            yield name, str(error)


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none available to torch; steps run on the CPU"
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def _dataset(name: str, data_dir: str | None) -> str:
    card = cards.dataset(name).card
    try:
        if is_in_files(card):
            place = locate(card, data_dir)
            known = known_fingerprint(card, data_dir)
            state = f"fingerprint {known[:12]}" if known else "not decoded yet"
            return f"in {place.folder}, {state}"
        return f"ready, fingerprint {stored_dataset(card, data_dir).fingerprint[:12]}"
    except MubenchError as error:
        return f"missing: {error}"
