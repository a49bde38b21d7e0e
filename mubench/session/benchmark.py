"""`mubench.benchmark`: a sweep from Python, with the same store, report and MLflow."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mubench.catalogue import plugins as plugin_files
from mubench.errors import InputError
from mubench.run.open_sweep import open_loaded
from mubench.session.complete import complete, tell_failures
from mubench.session.document import document_of
from mubench.session.output import say
from mubench.session.own_function import plugin_of, with_functions
from mubench.session.result import BenchmarkResult
from mubench.session.settings import DEFAULT_STORE, Settings
from mubench.sweep.grid_syntax import as_list
from mubench.sweep.kinds import Device
from mubench.sweep.load import load_mapping


def benchmark(  # noqa: PLR0913  the axes of a sweep, and the options of `mubench run`
    data: Any,
    *,
    model: Any,
    methods: str | Sequence[str] | Mapping[str, Any],
    forget: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    name: str | None = None,
    store: str | Path = DEFAULT_STORE,
    keep: str | None = None,
    out: str | Path | None = None,
    mlflow: bool = True,
    tracking_uri: str | None = None,
    data_dir: str | Path | None = None,
    device: Device | None = None,
    address: str | None = None,
    cpus: int | None = None,
    gpus: int | None = None,
    plugins: Iterable[str | Path] = (),
    retry: bool = False,
    **more: Any,
) -> BenchmarkResult:
    """Run a sweep and write its report, as `mubench run` does with a sweep file.

    What is in the store is not computed again, so the same call goes on where an earlier one was
    interrupted, and a changed call computes what is new.

    Args:
        data: a folder or file of your own, a name of `mubench list datasets`, an entry such as
            `{"path": "pets", "resize": 32}`, or objects: `(images, labels)`, a torch Dataset, or
            `{"train": ..., "test": ...}` with these. Objects are written into `MUBENCH_CACHE`.
        model: a name of `mubench list models`, an entry such as `{"timm": "resnet18"}`, or a
            function `(input_shape, num_classes) -> nn.Module` that imports what it uses; or a list.
        methods: names of `mubench list methods`, or the mapping of a sweep file.
        forget: one scenario or a list, such as `{"scenario": "random", "ratio": 0.1}`.
        name: of the sweep; without it that of the data.
        store: folder or URI of records and artefacts.
        keep: `outputs` (default), `weights` too, or `records` alone: what a completed sweep leaves
            in the store.
        out: folder of the report; without it `reports/NAME`.
        mlflow: whether to send results to MLflow.
        tracking_uri: address of MLflow; without it `MLFLOW_TRACKING_URI`, or SQLite in the store.
        data_dir: folder of data sets with a card; without it `MUBENCH_DATA`.
        device: without it a GPU if the sweep requests one and one is available.
        address: of a Ray cluster to join; without it `RAY_ADDRESS`, or this machine.
        cpus: of this machine; without it all.
        gpus: likewise.
        plugins: files of your own methods, models and metrics, as `--plugin` names them.
        retry: run failed steps again.
        **more: keys of a sweep file (`training`, `search`, `seeds`, `floor`, `shared`, `claims`,
            ...) and options of the data (`resize`, `label`, `train_size`, ...).

    Raises:
        InputError: in one line: what is wrong, where, and how to mend it.
        StoreError: the store cannot be written, or another run writes it.
        RunError: a step fits no node, or workers cannot start; what was finished is kept.
        KeyboardInterrupt: it was interrupted; trainings kept a checkpoint.
    """
    settings = _settings(out, tracking_uri, mlflow, address, cpus, gpus, data_dir)
    plugin_files.add([plugin_files.read_code(str(path)) for path in plugins])
    functions = [plugin_of(each) for each in as_list(model) if not isinstance(each, str | Mapping)]
    plugin_files.add(functions)
    node = document_of(data, model, methods, forget, name, keep, more)
    loaded = load_mapping(node, "benchmark")
    opened = open_loaded(
        replace(loaded, text=with_functions(loaded.text, functions)),
        str(store),
        device,
        settings.data_dir,
        decode=True,
        has_gpu=settings.has_gpu(device),
    )
    ended = complete(opened, settings, retry=retry)
    if ended.page is None:
        say("interrupted; the same call goes on")
        raise KeyboardInterrupt
    tell_failures(ended, "retry=True")
    return BenchmarkResult(ended.page, ended.results, opened.loaded.text, tuple(ended.failures))


def _settings(
    out: str | Path | None,
    tracking_uri: str | None,
    mlflow: bool,
    address: str | None,
    cpus: int | None,
    gpus: int | None,
    data_dir: str | Path | None,
) -> Settings:
    """Where nothing is given, the variables count that the command line knows."""
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None and (cpus is not None or gpus is not None):
        raise InputError(
            "benchmark: cpus and gpus are for this machine; a node of the cluster at "
            f"{address} has what `ray start --num-cpus --num-gpus` gave it"
        )
    folder = data_dir or os.environ.get("MUBENCH_DATA")
    return Settings(
        out=None if out is None else Path(out),
        tracking_uri=tracking_uri or os.environ.get("MLFLOW_TRACKING_URI"),
        mlflow=mlflow,
        address=address,
        cpus=cpus,
        gpus=gpus,
        data_dir=None if folder is None else str(folder),
    )
