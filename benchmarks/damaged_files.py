"""Damaged files of a store, a report and a board, and every command on each: no traceback.

    python benchmarks/damaged_files.py

Each kind of file becomes empty, half, noise, a folder, a link to itself, what another file holds,
or sealed JSON of the wrong shape. Commands run in children of this process.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.smoke import sized

import mubench.report.build
import mubench.run.trial
from mubench.store.sealed import from_json, to_json
from tests.support.damage import Kind, make_world
from tests.support.forked import Ran, mubench

Damage = Callable[[Path], None]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mubench-") as held:
        folder = Path(held)
        kinds = make_world(folder)[: sized(None, 1)]
        count, ran, bad = 0, 0, []
        for kind in kinds:
            for name, damage in damages(kind.files[0]).items():
                count += 1
                for arguments in commands(folder, kind):
                    one = on_damaged(kind.files[0], damage, arguments, folder)
                    ran += 1
                    if one.is_crash or len(one.error.splitlines()) > 1:
                        bad.append((kind.name, name, arguments[0], one))
                        print(f"{kind.name}, {name}: {' '.join(map(str, arguments))}")
                        print(one.code, one.error[-1500:], flush=True)
    print(f"{count} damaged files, {ran} commands, {len(bad)} not ended by results or one line")
    sys.exit(1 if bad else 0)


def damages(path: Path) -> dict[str, Damage]:
    """What can happen to a file."""
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    found = {
        "empty": _write(b""),
        "half": _write(content[: len(content) // 2]),
        "noise": _write(rng.bytes(len(content))),
        "a folder": lambda where: (where.unlink(), where.mkdir())[0],
        "a link to itself": lambda where: (where.unlink(), where.symlink_to(where))[0],
        "null": _write(b"null"),
    }
    if path.suffix == ".json":
        found |= {f"wrong shape {k}": _write(c) for k, c in enumerate(_wrong_shapes(content))}
    return dict([*found.items()][: sized(None, 1)])


def _write(content: bytes) -> Damage:
    def damage(path: Path) -> None:
        path.write_bytes(content)

    return damage


def _wrong_shapes(content: bytes) -> Iterator[bytes]:
    """JSON in which values have other types, sealed where the file was."""
    node = json.loads(content)
    seal = to_json if "mubench-sha256" in node else lambda one: json.dumps(one).encode()
    if "mubench-sha256" in node:
        node = from_json(content, "")
    yield seal({})
    for value in (None, 1, "x", [], [1], {"x": [[]]}):
        yield seal(dict.fromkeys(node, value))
    for key in node:
        yield seal({**node, key: {"x": 1} if isinstance(node[key], list) else [[1]]})


def commands(folder: Path, kind: Kind) -> list[tuple[object, ...]]:
    """The commands that read files of a kind."""
    sweep, store = folder / "tiny.yaml", kind.folder
    out = ("--out", folder / "out")
    if store.name in ("store", "compacted"):
        at = ("--store", store)
        run = ("run", sweep, *at, *out, "--no-mlflow")
        return [
            ("plan", sweep, *at),
            ("status", sweep, *at),
            ("report", sweep, *at, *out),
            ("score", "tiny", *at),
            ("leaderboard", *at, *out),
            ("reproduce", "000000", *at),
            *([] if kind.name.startswith("records") else [run]),  # without records all runs anew
            ("optuna", "export", sweep, *at),
            ("store", "verify", *at),
            ("store", "export", folder / "all.csv", *at),
            ("store", "repair", *at),
            ("store", "gc", *at),
        ]
    if store.name == "report":
        return [
            ("reproduce", "000000", "--report", store),
            ("leaderboard", "--report", store, *out),
            ("compare", store, folder / "board"),
            ("store", "verify", "--folder", store),
        ]
    return [
        ("leaderboard", "check", store / "rows"),
        ("leaderboard", "--rows", store / "rows", *out),
        ("compare", folder / "report", store),
        ("store", "verify", "--folder", store),
    ]


def on_damaged(path: Path, damage: Damage, arguments: tuple[object, ...], folder: Path) -> Ran:
    """Run a command while a file is damaged; afterwards all is as before."""
    root = next(one for one in path.parents if one.parent == folder)
    kept = folder / "kept"
    shutil.copytree(root, kept)
    try:
        damage(path)
        return mubench(*arguments, folder=folder)
    finally:
        shutil.rmtree(root)
        os.rename(kept, root)


if __name__ == "__main__":
    main()
