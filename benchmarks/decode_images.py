"""Decoding a person's images: the reader against a bare loop, and two cores against one.

    python benchmarks/decode_images.py [IMAGES]

JPEGs of about 500 x 375 become 64 x 64. Each way is measured in turn, several times; the best
time of each counts.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from helpers.smoke import sized
from PIL import Image, ImageOps

from mubench.data.own.entry import OwnEntry
from mubench.data.own.source import describe, read
from mubench.data.tables.place import open_place

ROUNDS, SIDE = sized(3, 1), 64


def write(folder: Path, count: int) -> list[Path]:
    """Pictures with structure and noise, as photographs have."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        width, height = rng.integers(420, 580), rng.integers(300, 450)
        rough = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(rough).resize((int(width), int(height)), Image.Resampling.BICUBIC)
        noisy = np.asarray(picture).astype(int) + rng.normal(0, 6, (height, width, 1))
        path = folder / f"class{number % 2}" / f"{number:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=88)
        paths.append(path)
    return sorted(paths)


def bare(path: Path) -> np.ndarray:
    """What a loop of Pillow alone does."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return np.asarray(ImageOps.fit(upright, (SIDE, SIDE), Image.Resampling.BILINEAR))


def with_threads(paths: list[Path], threads: int) -> np.ndarray:
    """The same, in threads."""
    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(bare, paths)))


def with_mubench(folder: Path) -> np.ndarray:
    """The reader of a person's own data."""
    entry = OwnEntry(path=str(folder), resize=(SIDE, SIDE))
    raw = read(describe(open_place(str(folder)), entry, "bench"), Path())
    return np.concatenate([np.asarray(piece) for piece in raw.train.pieces()])


def best(work: Callable[[], np.ndarray], cores: set[int]) -> float:
    """Seconds of one call on so many cores."""
    os.sched_setaffinity(0, cores)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else sized(2000, 20)
    two = set(sorted(os.sched_getaffinity(0))[:2])
    one = {min(two)}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = write(folder, count)
        ways = {
            "bare loop, one core": (lambda: np.stack([bare(path) for path in paths]), one),
            "bare loop, two cores": (lambda: with_threads(paths, 2), two),
            "mubench, one core": (lambda: with_mubench(folder), one),
            "mubench, two cores": (lambda: with_mubench(folder), two),
        }
        assert np.array_equal(with_mubench(folder), with_threads(paths, 2).transpose(0, 3, 1, 2)), (
            "other pixels"
        )
        seconds = {name: [best(*way) for _ in range(ROUNDS)] for name, way in ways.items()}
    shortest = {name: min(times) for name, times in seconds.items()}
    for name, value in shortest.items():
        print(f"{name:22} {value:6.2f} s  {count / value:6.0f} images/s")
    gain = shortest["mubench, one core"] / shortest["mubench, two cores"]
    print(f"two cores against one: {gain:.2f} x")
    for cores in ("one core", "two cores"):
        ratio = shortest[f"mubench, {cores}"] / shortest[f"bare loop, {cores}"]
        print(f"mubench / bare loop, {cores}: {ratio:.2f}")


if __name__ == "__main__":
    main()
