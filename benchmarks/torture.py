"""The crash loop: a small sweep, killed at random moments, and the same command until it is done.

    python benchmarks/torture.py 100        (or: make torture N=100)

Each kill is a SIGKILL: of the driver, or of a worker in every fourth case in which there is one.
Right before it all records are read. A sweep that is completed has each of those records, bit for
bit and once; the results of a run that nobody disturbed; no damaged file; and nothing temporary is
left, of Ray, of mubench, or half written in the store, after one more run that finds nothing to do,
once the agents of killed sessions of Ray have ended. Then the next sweep begins.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from helpers.smoke import sized

from mubench.data.atomic import TEMPORARY
from mubench.errors import MubenchError
from mubench.store.store import Store
from tests.support.sweep_world import all_values, descendants, users_of, write

PATIENCE = 600.0
"""Seconds after which a run hangs."""
AGENTS_SECONDS = 120.0
MLFLOW_SHARE, WORKER_SHARE = 0.1, 0.25
MOST_KILLS = 20
"""Of one sweep."""
NO_WORKERS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent", "ray::IDLE")
OF_MLFLOW = "db_init_lock"
"""In the name of an empty file that MLflow leaves for each database."""
rng = np.random.default_rng()


class World:
    """A sweep file, a folder for temporary files, and the seconds of a run that nobody disturbs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sweep = write(folder / "tiny.yaml", methods={"ga": {}, "ft": {}})
        self.temporary = folder / "t"
        self.temporary.mkdir()
        self.seconds = 0.0

    def command(self, *words: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "mubench", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def begin(self, store: Path) -> subprocess.Popen[str]:
        mlflow = "--mlflow" if rng.random() < MLFLOW_SHARE else "--no-mlflow"
        return self.command(
            *("run", self.sweep, "--store", str(store), "--out", str(store / "report"), mlflow)
        )

    def faults(self, store: Path) -> list[str]:
        """What a completed sweep should not have."""
        verify = self.command("store", "verify", "--store", str(store))
        said, _ = verify.communicate(timeout=PATIENCE)
        found = [] if verify.returncode == 0 and " 0 damaged" in said else [said.strip()]
        ids = Counter(
            key
            for path in store.glob("records/*.parquet")
            for key in pq.read_table(path)["id"].to_pylist()
        )
        found += [f"{key}: there {count} times" for key, count in ids.items() if count > 1]
        end = time.monotonic() + AGENTS_SECONDS
        while users_of(self.temporary) and time.monotonic() < end:
            time.sleep(1)
        self.begin(store).communicate(timeout=PATIENCE)
        found += [f"left: {path}" for path in store.rglob(TEMPORARY)]
        found += [
            f"left: {path}" for path in self.temporary.iterdir() if "db_init" not in path.name
        ]
        return found


def records_of(store: Path) -> dict[str, str]:
    """All of each record as text: NaN equals itself there, and the order of metrics is none."""
    records = Store(str(store)).records.read()
    return {key: json.dumps(asdict(one), sort_keys=True) for key, one in records.items()}


def workers_of(driver: int) -> list[int]:
    """Processes of workers, in a step or between two; Ray names them by what they do."""
    titles = {pid: _title(pid) for pid in descendants(driver)}
    return [
        pid
        for pid, title in titles.items()
        if title.startswith("ray::") and not title.startswith(NO_WORKERS)
    ]


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def wait_for(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process ends within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def tortured(world: World, store: Path, kills: int, tally: Counter[str]) -> list[str]:
    """Run a sweep to its end in spite of at most so many kills; return what is wrong then."""
    seen: dict[str, str] = {}
    found: list[str] = []
    process = world.begin(store)
    while kills and not wait_for(process, rng.uniform(0.5, world.seconds / 2)):
        before = records_of(store)
        workers = workers_of(process.pid) if rng.random() < WORKER_SHARE else []
        victim = workers[0] if workers else process.pid
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        kills -= 1
        tally["workers killed" if workers else "drivers killed"] += 1
        after = records_of(store)
        found += [f"{key}: lost" for key in before.keys() - after.keys()]
        seen |= before
        if not workers:
            process.communicate()
            process = world.begin(store)
    output, _ = process.communicate(timeout=PATIENCE)
    if process.returncode:
        found.append(f"exit code {process.returncode}: {output[-2000:]}")
    if "Traceback" in output:
        found.append(output)
    last = records_of(store)
    found += [f"{key}: lost or changed" for key, text in seen.items() if last.get(key) != text]
    return found + world.faults(store)


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else sized(20, 1)
    start, tally, wrong = time.monotonic(), Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder))
        first = world.folder / "undisturbed"
        world.begin(first).communicate(timeout=PATIENCE)
        expected = all_values(Store(str(first)).records.read())
        world.seconds = time.monotonic() - start
        print(f"a sweep of {len(expected)} steps, {world.seconds:.0f} s undisturbed", flush=True)
        while (done := tally.total() - tally["sweeps"]) < kills:
            store = world.folder / f"store-{tally['sweeps']}"
            try:
                most = min(kills - done, int(rng.integers(1, MOST_KILLS + 1)))
                found = tortured(world, store, most, tally)
                results = all_values(Store(str(store)).records.read())
            except MubenchError as error:
                found, results = [str(error)], {}
            if results != expected:
                found.append("other results than undisturbed")
            tally["sweeps"] += 1
            wrong += len(found)
            print(f"{dict(tally)}: {'; '.join(found) or 'nothing wrong'}", flush=True)
    print(f"{wrong} faults, {time.monotonic() - start:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
