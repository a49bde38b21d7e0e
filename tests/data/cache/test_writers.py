"""Writing decoded data: moments of the training split, a full disk."""

import numpy as np
import pytest

from mubench.data.cache import decoded as stored_module
from mubench.errors import DataError
from tests.support.parquet_files import read_stored

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_the_moments_of_the_training_split_are_found(parquet_folder):
    found = read_stored(parquet_folder)
    pixels = np.asarray(found.splits["train"].inputs, np.float64) / 255
    assert found.mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-12)
    assert found.std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-12)


def test_a_full_disk_leaves_nothing_behind(parquet_folder, cache_dir, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored_module.np, "save", full)
    with pytest.raises(DataError, match=r"No space left on device.*free some space there"):
        read_stored(parquet_folder)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]
