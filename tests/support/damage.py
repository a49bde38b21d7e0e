"""A finished store, report and board, every file of which can be damaged and read again."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mubench.errors import MubenchError
from mubench.leaderboard.build import RowSources, build_board
from mubench.leaderboard.read_rows import read_rows
from mubench.metrics.post_hoc import post_hoc_metrics
from mubench.report.build import build
from mubench.run.examples import save_examples
from mubench.run.open_sweep import open_sweep
from mubench.run.post_hoc import add_metrics
from mubench.store.checkpoints import Checkpoints
from mubench.store.results_files import read_folder, read_results
from mubench.store.store import Store
from mubench.store.sums import problems_of_folder
from mubench.store.verify import problems_of
from tests.support.sweep_world import finish, write

Shown = Any
"""What a reader sees; None where it was told of the damage."""


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and what reads them."""

    name: str
    folder: Path
    """Of the store, report or board that the files belong to."""
    files: tuple[Path, ...]
    read: Callable[[Path], Shown]


def make_world(folder: Path) -> list[Kind]:
    """Run a tiny sweep into a store, with its report and a board; return all kinds of files."""
    opened = open_sweep(write(folder / "tiny.yaml"), str(folder / "store"))
    finish(opened)
    store = opened.store
    save_examples(store, opened.source, None)
    list(add_metrics(store, opened.source.records, post_hoc_metrics(())))
    Checkpoints(store.files).save("cut", {"weight": np.arange(20.0)}, {"seconds": 1.5})
    build(opened.source, folder / "report")
    build_board(RowSources([store.uri]), folder / "board")
    shutil.copytree(folder / "store", folder / "compacted")
    Store(str(folder / "compacted")).records.compact()
    return list(_kinds(folder))


def _kinds(folder: Path) -> Iterator[Kind]:
    store, compacted = folder / "store", folder / "compacted"
    patterns = {
        "records, one": (store, "records/part-*.parquet"),
        "records, merged": (compacted, "records/merged-*.parquet"),
        "scores": (store, "scores/*/*.parquet"),
        "steps.json": (store, "sweeps/*/steps.json"),
        "plan.json": (store, "sweeps/*/plan.json"),
        "sweep.yaml": (store, "sweeps/*/sweep.yaml"),
        "exhibits.json": (store, "sweeps/*/exhibits.json"),
        "manifests": (store, "artefacts/*/manifest.json"),
        "outputs and weights": (store, "artefacts/*/*.safetensors"),
        "checkpoints": (store, "checkpoints/*/*.safetensors"),
        "format.json": (store, "format.json"),
    }
    for name, (root, pattern) in patterns.items():
        yield _kind(name, root, pattern, _read_store)
    for name in ("plan.json", "records.parquet", "exhibits.json", "sweep.yaml", "SHA256SUMS"):
        yield _kind(f"report: {name}", folder / "report", name, _read_report)
    yield _kind("report: page, tables, figures", folder / "report", "**/*.*", _read_report)
    yield _kind("board: rows", folder / "board", "rows/*.json", _read_board)
    yield _kind("board: pages", folder / "board", "**/*.*", _read_board)
    yield _kind("board: rows alone", folder / "board", "rows/*.json", _read_rows)


def _kind(name: str, root: Path, pattern: str, read: Callable[[Path], Shown]) -> Kind:
    files = tuple(sorted(path for path in root.glob(pattern) if path.is_file()))
    assert files, name
    return Kind(name, root, files, read)


def _read_store(folder: Path) -> Shown:
    store = Store(str(folder))
    if any(problems_of(store)):
        return None
    shown = []
    for name in store.sweeps():
        results = read_results(store, name)
        shown.append((results.latest_records, results.expected, results.cells, results.rows))
    return shown


def _read_report(folder: Path) -> Shown:
    return None if any(problems_of_folder(folder)) else read_folder(folder)


def _read_board(folder: Path) -> Shown:
    return None if any(problems_of_folder(folder)) else read_rows([folder])


def _read_rows(folder: Path) -> Shown:
    return [
        row.model_copy(update={"source": "", "contributor": ""})
        for row in read_rows([folder / "rows"])
    ]


def seen(kind: Kind) -> Shown:
    """What is read, or None where somebody was told that something is wrong."""
    try:
        return kind.read(kind.folder)
    except MubenchError:
        return None


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with one bit changed."""
    altered = bytearray(content)
    altered[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    return bytes(altered)


def silent_flips(kind: Kind, count: int, rng: np.random.Generator) -> tuple[int, list[str]]:
    """Change one bit of a file of a kind, and read; so many times.

    Returns:
        How often somebody was told, and the files whose change was not told and changed what is
        shown.
    """
    whole = seen(kind)
    assert whole is not None, kind.name
    found, silent = 0, []
    for _ in range(count):
        path = kind.files[rng.integers(len(kind.files))]
        content = path.read_bytes()
        try:
            path.write_bytes(flipped(content, rng))
            now = seen(kind)
        finally:
            path.write_bytes(content)
        if now is None:
            found += 1
        elif now != whole:
            silent.append(str(path))
    return found, silent
