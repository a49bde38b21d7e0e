"""Options that commands share, and the sweeps and stores that they open."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from mubench.errors import InputError
from mubench.session.settings import DEFAULT_STORE, Settings

if TYPE_CHECKING:
    from mubench.run.open_sweep import OpenSweep
    from mubench.store.store import Store
    from mubench.sweep.kinds import Device


class DeviceChoice(StrEnum):
    """Where steps run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"

    @property
    def asked(self) -> "Device | None":
        """The device that was asked for by name."""
        chosen: dict[DeviceChoice, Device] = {self.cpu: "cpu", self.cuda: "cuda"}
        return chosen.get(self)


def _add_plugins(paths: list[str] | None) -> list[str] | None:
    if paths:
        from mubench.catalogue import plugins

        plugins.add([plugins.read_code(path) for path in paths])
    return paths


SweepName = Annotated[
    str, typer.Argument(metavar="SWEEP", help="A sweep file, or the name of a built-in sweep.")
]
StoredSweep = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="The name of a sweep in the store, or its file."),
]
StoreUri = Annotated[str, typer.Option("--store", help="Folder or URI of records and artefacts.")]
SetValues = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a value: key.path=value (YAML). May be repeated."),
]
DataDir = Annotated[
    str | None, typer.Option("--data", envvar="MUBENCH_DATA", help="Folder of data sets.")
]
OutDir = Annotated[
    Path | None, typer.Option("--out", help="Folder of the report; default: reports/<name>.")
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        envvar="MLFLOW_TRACKING_URI",
        help="Address of MLflow; default: SQLite in the store.",
    ),
]
DeviceOption = Annotated[
    DeviceChoice, typer.Option(help="auto: a GPU if the sweep requests one and one is available.")
]
PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        callback=_add_plugins,
        metavar="FILE.py",
        help="Your own method, data set, model or metric, with its card FILE.yaml in the same "
        "folder; or functions that make models, without a card. May be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class SweepOptions:
    """Which sweep, changed in what, on which store, data and device."""

    sweep: SweepName
    store: StoreUri = DEFAULT_STORE
    data: DataDir = None
    set_: SetValues = None
    device: DeviceOption = DeviceChoice.auto
    plugin: PluginFiles = None

    def open(self) -> "OpenSweep":
        """Read and plan the sweep, to look at what a store has of it."""
        from mubench.run.open_sweep import open_recorded

        return open_recorded(self.sweep, self.store, self.set_ or (), self.device.asked, self.data)

    def open_to_run(self, options: "RunOptions") -> "OpenSweep":
        """Read and plan the sweep, for the Ray cluster at an address or for this machine."""
        from mubench.run.open_sweep import open_sweep

        device = self.device.asked
        gpu = options.settings(self.data).has_gpu(device)
        return open_sweep(
            self.sweep, self.store, self.set_ or (), device, self.data, decode=True, has_gpu=gpu
        )


@dataclass(frozen=True)
class RunOptions:
    """Where a sweep runs, and where its results go."""

    out: OutDir = None
    tracking_uri: TrackingUri = None
    mlflow: Annotated[bool, typer.Option(help="Send results to MLflow.")] = True
    address: Annotated[
        str | None,
        typer.Option(
            envvar="RAY_ADDRESS",
            help="Ray cluster to join, HOST:PORT of its head or auto; default: this machine.",
        ),
    ] = None
    cpus: Annotated[
        int | None, typer.Option(min=1, help="CPUs of this machine to use; default: all.")
    ] = None
    gpus: Annotated[
        int | None, typer.Option(min=0, help="GPUs of this machine to use; default: all.")
    ] = None
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait for nodes that the cluster adds, where a step fits none of now."
        ),
    ] = False

    def __post_init__(self) -> None:
        if self.address is None and self.wait:
            raise InputError("--wait: this machine adds no nodes; give the --address of a cluster")
        if self.address is not None and (self.cpus is not None or self.gpus is not None):
            raise InputError(
                "--cpus and --gpus are for this machine; with --address a node has what "
                "`ray start --num-cpus --num-gpus` gave it"
            )

    def settings(self, data: str | None) -> Settings:
        """The same with the folder of data sets."""
        return Settings(
            self.out,
            self.tracking_uri,
            self.mlflow,
            self.address,
            self.cpus,
            self.gpus,
            self.wait,
            data,
        )


def existing_store(uri: str) -> "Store":
    """Return a store that exists: a mistyped one would look like an empty store without faults.

    Raises:
        InputError: the store does not exist.
    """
    from mubench.store.store import Store

    store = Store(uri)
    if not store.exists:
        raise InputError(f"{uri}: no store found; give another --store")
    return store


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take options as dataclasses: typer sees each of their fields as an option."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)
    }

    @wraps(command)
    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{f.name: values.pop(f.name) for f in fields(group)})
        command(**values)

    parameters = [
        option.replace(kind=Parameter.KEYWORD_ONLY)
        for name, parameter in signature(command).parameters.items()
        for option in (
            signature(groups[name]).parameters.values() if name in groups else (parameter,)
        )
    ]
    flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {option.name: option.annotation for option in parameters}
    return flat
