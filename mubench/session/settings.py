"""Where a sweep runs, and where its results go."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mubench.run.tune.cluster import ClusterConfig
    from mubench.sweep.kinds import Device

DEFAULT_STORE = ".mubench"


@dataclass(frozen=True)
class Settings:
    """What no id depends on, but for the device that a cluster has."""

    out: Path | None = None
    """Folder of the report; without it `reports/NAME`."""
    tracking_uri: str | None = None
    mlflow: bool = True
    address: str | None = None
    """Of the head of a Ray cluster; without it steps run on this machine."""
    cpus: int | None = None
    gpus: int | None = None
    wait: bool = False
    data_dir: str | None = None

    @property
    def cluster(self) -> "ClusterConfig":
        """Where steps run."""
        from mubench.run.tune.cluster import ClusterConfig  # here: it loads Ray

        return ClusterConfig(self.address, self.cpus, self.gpus, self.wait)

    def has_gpu(self, device: "Device | None") -> bool | None:
        """Whether the cluster has a GPU; None where nobody needs to ask it."""
        if self.address is None or device is not None:
            return None
        from mubench.run.tune.cluster import has_gpu

        return has_gpu(self.cluster)


def report_folder(out: Path | None, name: str) -> Path:
    """Return where the report of a sweep goes."""
    return out or Path("reports") / name
