"""Finding twins among 60,000 images: seconds and memory, beside reading them.

    python benchmarks/twins.py [IMAGES]

Images of 32 x 32; a hundred are there twice, and a hundred nearly.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from helpers.smoke import sized

from mubench.data.cache.twins import TwinFinder

PIECE, PAIRS = 1000, 100


def write(path: Path, count: int) -> None:
    """Smooth noise, a piece at a time."""
    rng = np.random.default_rng(0)
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 3, 32, 32))
    for start in range(0, count, PIECE):
        size = min(PIECE, count - start)
        coarse = rng.normal(128, 60, (size, 3, 8, 8)).repeat(4, 2).repeat(4, 3)
        fine = rng.normal(0, 12, (size, 3, 32, 32))
        images[start : start + size] = np.clip(coarse + fine, 0, 255)
    images[-PAIRS:] = images[:PAIRS]
    near = images[PAIRS : 2 * PAIRS].astype(int) + rng.integers(-6, 7, (PAIRS, 3, 32, 32))
    images[-2 * PAIRS : -PAIRS] = np.clip(near, 0, 255)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else sized(60_000, 2000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        write(path, count)
        images = np.load(path, mmap_mode="r")
        start = time.perf_counter()
        for first in range(0, count, PIECE):
            np.asarray(images[first : first + PIECE]).sum()
        read = time.perf_counter() - start
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        finder = TwinFinder()
        for first in range(0, count, PIECE):
            finder.update(np.array(images[first : first + PIECE]))
        twins = finder.twins()
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = np.arange(count)
    exact, near = int((twins.exact != rows).sum()), int((twins.near != rows).sum())
    print(f"{count} images: {seconds:.1f} s, {seconds / read:.1f} x reading them")
    print(f"memory: {(after - before) / 1024:.0f} MiB more, {after / 1024:.0f} MiB in all")
    print(f"found {exact} exact of {PAIRS}, {near} exact or near of {2 * PAIRS}")
    assert exact == PAIRS
    assert near == 2 * PAIRS


if __name__ == "__main__":
    main()
