"""The cache of decoded data: one builder, whole or absent, made again when damaged."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mubench.data.cache import cache
from mubench.errors import DataError
from tests.support.parquet_files import PIXELS, read_stored, whole

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.mark.parametrize("harm", ["truncate", "alter", "delete", "manifest"])
def test_a_damaged_cache_is_made_again(parquet_folder, cache_dir, harm):
    before = read_stored(parquet_folder)
    [place] = [path for path in cache_dir.iterdir() if path.is_dir()]
    target = place / "train.npy"
    if harm == "truncate":
        os.truncate(target, target.stat().st_size - 1)
    elif harm == "alter":
        changed = bytearray(target.read_bytes())
        changed[-1] ^= 1
        target.write_bytes(changed)
    elif harm == "delete":
        target.unlink()
    else:
        (place / cache.MANIFEST).write_text('{"facts": {')
    assert np.array_equal(whole(read_stored(parquet_folder)), PIXELS.transpose(0, 3, 1, 2))
    assert read_stored(parquet_folder).fingerprint == before.fingerprint


def test_a_killed_builders_remains_are_swept_away(parquet_folder, cache_dir):
    read_stored(parquet_folder)
    [place] = [path for path in cache_dir.iterdir() if path.is_dir()]
    partial = place.with_name(f"{place.name}.partial")
    place.rename(partial)
    (partial / cache.MANIFEST).unlink()
    read_stored(parquet_folder)
    assert [path for path in cache_dir.iterdir() if path.is_dir()] == [place]


def test_two_readers_at_once_build_once(monkeypatch):
    builds, looked, inside = [], threading.Barrier(2), threading.Barrier(2)
    look = cache._facts_if_whole

    def look_together(folder: Path) -> dict | None:
        """Both readers find nothing before either goes on."""
        facts, first = look(folder), threading.current_thread() not in seen
        seen.add(threading.current_thread())
        if first:
            looked.wait()
        return facts

    def build(folder: Path) -> dict:
        builds.append(folder)
        with suppress(threading.BrokenBarrierError):
            inside.wait(timeout=0.3)  # leaves the other time to get in, were there no lock
        return {"n": 1}

    seen: set[threading.Thread] = set()
    monkeypatch.setattr(cache, "_facts_if_whole", look_together)
    with ThreadPoolExecutor(2) as readers:
        found = list(readers.map(lambda _: cache.cached("toy", build)[1], range(2)))
    assert found == [{"n": 1}] * 2
    assert len(builds) == 1


def test_a_cache_that_cannot_be_written_is_named(parquet_folder, cache_dir):
    cache_dir.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot write the decoded data .* set MUBENCH_CACHE to"):
        read_stored(parquet_folder)
