"""How many single changed bits are found, in every kind of file of a store, a report and a board.

    python benchmarks/bit_flips.py [flips of each kind, 300 without it]

A flip is found where a reader or `mubench store verify` tells it in one line; it has no effect
where every number that is shown stays; else it is silent.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.smoke import sized

from tests.support.damage import make_world, silent_flips


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else sized(300, 1)
    rng = np.random.default_rng(0)
    print(f"{'kind of file':<32}{'flips':>8}{'found':>8}{'no effect':>12}{'silent':>8}")
    with tempfile.TemporaryDirectory(prefix="mubench-") as folder:
        total = 0
        for kind in make_world(Path(folder)):
            found, silent = silent_flips(kind, count, rng)
            total += len(silent)
            without = count - found - len(silent)
            print(f"{kind.name:<32}{count:>8}{found:>8}{without:>12}{len(silent):>8}", flush=True)
    print(f"{total} silent")
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
