"""What this machine has and lacks for a sweep."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from mubench import catalogue
from mubench.errors import MubenchError
from mubench.ids import package_version


def findings(data_dir: str | None) -> Iterator[tuple[str, str]]:
    """Name and finding, one at a time: torch takes seconds to say whether it sees a GPU."""
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for package in ("torch", "ray", "mlflow", "optuna", "pyarrow"):
        yield package, package_version(package)
    yield "cpu", f"{os.cpu_count()} cores"
    yield "gpu", _gpu()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield "disk", f"{free:.0f} GiB free here"
    for name in catalogue.names("datasets"):
        yield name, _dataset(name, data_dir)


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none that torch can use; steps run on the CPU"
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def _dataset(name: str, data_dir: str | None) -> str:
    from mubench.data.load import load

    folder = Path(data_dir) if data_dir else None
    try:
        found = load(catalogue.dataset(name).card, {}, ("test",), "cpu", folder)
    except MubenchError as error:
        return f"missing: {error}"
    return f"ready, fingerprint {found.fingerprint[:12]}"
