"""`mubench check` on a new method, from a cold start: seconds, and against importing torch.

OMP_NUM_THREADS=1 python benchmarks/check.py
"""

import subprocess
import sys
import tempfile
import time

from helpers.smoke import sized

ROUNDS = sized(3, 1)
MUBENCH = [sys.executable, "-c", "from mubench.cli.main import main; main()"]


def seconds(command: list[str], folder: str) -> float:
    """Wall time of a command."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds([*MUBENCH, "new", "method", "mine"], folder)
        for _ in range(ROUNDS):
            torch = seconds([sys.executable, "-c", "import torch"], folder)
            check = seconds([*MUBENCH, "check", "mine.py"], folder)
            print(
                f"mubench check: {check:.1f} s (at most 20), "
                f"{check / torch:.1f} times as long as importing torch"
            )


if __name__ == "__main__":
    main()
