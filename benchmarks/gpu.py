"""What mubench does on a GPU, as one JSON file and one table. `make gpu` runs the tests too.

    python benchmarks/gpu.py --out FOLDER [--images PATH] [--only SECTION ...]

Written to FOLDER: `gpu.json` and `gpu.md`, after every section anew. PATH is a folder of images by
class or of Parquet files, at most 50 MB or so; without it images are noise, and nothing is said of
accuracy. A section that fails is written with its error, and the next one begins.

    python benchmarks/gpu.py --device cpu --smoke

is a tiny form in which every section runs on a CPU; its numbers mean nothing. It is also what runs
where there is no GPU.
"""

import argparse
import json
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from on_gpu import loops, precision, stacking, streaming, training, trial, workers
from on_gpu.world import Row, World

from mubench.run.environment import commit, device_name, numerics, versions

SECTIONS: dict[str, Callable[[World], Iterator[Row]]] = {
    "training": training.rows,
    "loops": loops.rows,
    "trial": trial.rows,
    "streaming": streaming.rows,
    "precision": precision.rows,
    "workers": workers.rows,
    "stacking": stacking.rows,
}


def main() -> None:
    world, options = arguments()
    torch.set_num_threads(1)
    if world.device.type == "cuda":  # as workers have it
        torch.backends.cudnn.deterministic = True
    found: dict[str, Any] = {"about": about(world), "sections": {}}
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only or SECTIONS:
        found["sections"][name] = section(SECTIONS[name], world)
        (options.out / "gpu.json").write_text(json.dumps(found, indent=2) + "\n")
        (options.out / "gpu.md").write_text(markdown(found))
    print(markdown(found))


def arguments() -> tuple[World, argparse.Namespace]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("build/gpu"))
    parser.add_argument("--images", type=Path)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    options = parser.parse_args()
    kind = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    is_smoke = options.smoke or (options.device is None and kind == "cpu")
    return World(torch.device(kind), is_smoke, options.images), options


def about(world: World) -> dict[str, Any]:
    """The machine, versions and settings."""
    kind = world.device.type
    found = {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_name(kind),
        "commit": commit(),
        "versions": versions(),
        "numerics": numerics(kind),
        "images": world.images.name,
        "smoke": world.is_smoke,
    }
    if kind == "cuda":
        memory = torch.cuda.get_device_properties().total_memory
        found |= {"GPU memory, GiB": round(memory / 2**30, 1), "CUDA": torch.version.cuda}
    return found


def section(rows: Callable[[World], Iterator[Row]], world: World) -> dict[str, Any]:
    """The rows of a section as far as it came, its seconds, and its error if it failed."""
    done: list[Row] = []
    failure: dict[str, str] = {}

    def collect() -> None:
        try:
            done.extend(rows(world))
        except Exception as error:  # noqa: BLE001  the others go on
            failure.update(
                error=f"{type(error).__name__}: {error}", traceback=traceback.format_exc()
            )

    seconds = world.seconds(collect)
    if world.device.type == "cuda":
        torch.cuda.empty_cache()
    return {"seconds": seconds, "rows": [row._asdict() for row in done], **failure}


def markdown(found: dict[str, Any]) -> str:
    """One table, and below it what was measured where."""
    lines = ["| section | what | value | unit |", "|---|---|---:|---|"]
    for name, part in found["sections"].items():
        lines += [
            f"| {name} | {row['what']} | {row['value']:.4g} | {row['unit']} |"
            for row in part["rows"]
        ]
        if "error" in part:
            lines.append(f"| {name} | failed: {' '.join(part['error'].split())} | | |")
    lines += ["", *(f"- {key}: {value}" for key, value in found["about"].items())]
    if found["about"]["smoke"]:
        lines.append("- The tiny form: it shows that every section runs. Its numbers mean nothing.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
