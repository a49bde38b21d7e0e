"""What 500 hostile sweep files cost `mubench plan`: tracebacks, CPU seconds and memory of each.

Each file is planned in a forked child: imports cost it no time, but they are part of its memory.
A child that takes 30 s or 4 GiB is stopped.

    OMP_NUM_THREADS=1 python benchmarks/hostile_sweeps.py [--files 500] [--seed 0]
"""

import argparse
import contextlib
import os
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

# What `mubench plan` imports late, so that no child pays for it.
from helpers.smoke import sized

import mubench.cli.plan_text
import mubench.run.estimate
import mubench.run.open_sweep
from mubench.cli.main import main as mubench
from tests.support.hostile_sweeps import BOMBS, hostile_file

SECONDS, MIB = 5, 500
MOST_SECONDS, MOST_MIB = 30, 4096
"""Where a child is stopped."""


class Cost(NamedTuple):
    """How one file ended: `refused`, `planned`, `traceback` or `killed`."""

    name: str
    ending: str
    seconds: float
    mib: float


def cost_of(name: str, content: bytes, folder: Path) -> Cost:
    """Plan one file in a child."""
    path, said = folder / "hostile.yaml", folder / "said"
    path.write_bytes(content)
    child = os.fork()
    if child == 0:
        _plan(path, said)
    _, status, used = os.wait4(child, 0)
    seconds, mib = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    code = os.waitstatus_to_exitcode(status)
    ending = {0: "planned", 1: "refused", 2: "refused", 70: "traceback"}.get(code, "killed")
    if ending in ("traceback", "killed"):
        (folder / name).write_bytes(content)
        print(f"{name}: {ending}: {said.read_text(errors='replace')[-300:].strip()}")
    return Cost(name, ending, seconds, mib)


def _plan(path: Path, said: Path) -> None:
    """The command in a child: it ends with the command's exit code, or 70 for a traceback."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MIB * 2**20,) * 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(MOST_SECONDS)
    sys.argv = ["mubench", "plan", str(path), "--store", str(path.with_suffix(".store"))]
    code = 70
    with said.open("w") as stream, contextlib.redirect_stdout(stream):
        with contextlib.redirect_stderr(stream):
            try:
                mubench()
            except SystemExit as ended:
                code = int(ended.code or 0)
            except BaseException:  # noqa: BLE001  to be counted
                traceback.print_exc()
        stream.flush()
    os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=sized(500, 0))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bombs = {name.replace(" ", "_"): text.encode() for name, text in BOMBS.items()}
    bombs = dict([*bombs.items()][: sized(None, 5)])
    files = {
        f"{options.seed}-{k}": hostile_file(Random(f"{options.seed}-{k}"))  # noqa: S311
        for k in range(options.files - len(bombs))
    }
    folder = Path(tempfile.mkdtemp())
    costs = [cost_of(name, content, folder) for name, content in (bombs | files).items()]
    for ending in ("planned", "refused", "traceback", "killed"):
        print(f"{ending}: {sum(cost.ending == ending for cost in costs)}")
    imports = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory with imports alone: {imports:.0f} MiB")
    print(f"over {SECONDS} s: {sum(cost.seconds > SECONDS for cost in costs)}")
    print(f"over {MIB} MiB: {sum(cost.mib > MIB for cost in costs)}")
    refused = [cost for cost in costs if cost.ending == "refused"]
    for what, of in (("all", costs), ("refused", refused)):
        slowest = sorted(of, key=lambda cost: -cost.seconds)[:4]
        largest = sorted(of, key=lambda cost: -cost.mib)[:4]
        print(f"slowest of {what}:", ", ".join(f"{c.name} {c.seconds:.1f} s" for c in slowest))
        print(f"largest of {what}:", ", ".join(f"{c.name} {c.mib:.0f} MiB" for c in largest))
    print(f"files that ended badly are in {folder}")


if __name__ == "__main__":
    main()
