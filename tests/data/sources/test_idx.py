"""Fashion-MNIST's idx files, packed or not, and broken ones."""

import os
import shutil

import numpy as np
import pytest

from mubench.data.cache.decoded import stored_dataset
from tests.support.written_data import FASHION, official, pixels, refused, write_idx

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.mark.parametrize("at", [".", "FashionMNIST/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_read_from_idx_packed_or_not_whoever_packed_it(toy_data, packed, at):
    images, labels = pixels(20, 28, 28), [i % 2 for i in range(20)]
    raw = write_idx(toy_data, packed, images, labels, at)
    before = sorted(path.name for path in raw.iterdir())
    inputs, found_labels, test = official(stored_dataset(FASHION, toy_data.parent))
    assert np.array_equal(inputs, images[:, None])
    assert np.array_equal(test.inputs, images[:5, None])
    assert (found_labels, test.labels.tolist()) == (labels, labels[:5])
    assert sorted(path.name for path in raw.iterdir()) == before


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("no images", "no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in it; fetch it"),
        ("half a gzip", "t10k-labels-idx1-ubyte.gz: not a whole IDX file (Compressed file ended"),
        ("half a file", "images-idx3-ubyte: not a whole IDX file (4984 bytes where 15680 should"),
        ("another file", "train-images-idx3-ubyte: not a whole IDX file (it begins otherwise)"),
        ("a cut header", "train-images-idx3-ubyte: not a whole IDX file (it begins otherwise)"),
        ("an empty file", "train-images-idx3-ubyte: not a whole IDX file (it begins otherwise)"),
        ("fewer labels", "train-images-idx3-ubyte.gz: images (20, 1, 28, 28) and 5 labels, but "),
        ("another size", "train-images-idx3-ubyte.gz: images (20, 1, 28, 28) and 20 labels, but "),
    ],
)
def test_bad_idx_files_are_named(toy_data, cache_dir, harm, expected):
    packed = harm in ("no images", "half a gzip", "fewer labels", "another size")
    raw = write_idx(toy_data, packed, pixels(20, 28, 28), [i % 2 for i in range(20)])
    of = {**FASHION, "input_shape": [1, 32, 32]} if harm == "another size" else FASHION
    if harm == "no images":
        (raw / "train-images-idx3-ubyte.gz").unlink()
    elif harm == "half a gzip":
        os.truncate(raw / "t10k-labels-idx1-ubyte.gz", 20)
    elif harm == "another file":
        (raw / "train-images-idx3-ubyte").write_bytes(b"<html>" * 9)
    elif not packed:
        size = {"half a file": 5000, "a cut header": 6, "an empty file": 0}[harm]
        os.truncate(raw / "train-images-idx3-ubyte", size)
    elif harm == "fewer labels":
        shutil.copy(raw / "t10k-labels-idx1-ubyte.gz", raw / "train-labels-idx1-ubyte.gz")
    line = refused(of, toy_data, cache_dir)
    assert expected in line
    assert "again" in line
