"""Fingerprints: the same examples in any order, and no others."""

from pathlib import Path

import numpy as np
import pytest

from mubench.data.cache import cache
from mubench.data.cache import decoded as stored_module
from mubench.errors import DataError
from tests.support.parquet_files import (
    CARD,
    LABELS,
    PIXELS,
    PNG,
    encode,
    read_stored,
    write_parquet,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_how_a_split_is_cut_into_shards_does_not_matter(parquet_folder):
    whole = read_stored(parquet_folder).fingerprint
    (parquet_folder / "train.parquet").unlink()
    write_parquet(parquet_folder / "train-00000-of-00002.parquet", PNG[:7], LABELS[:7])
    write_parquet(parquet_folder / "train-00001-of-00002.parquet", PNG[7:], LABELS[7:])
    assert read_stored(parquet_folder).fingerprint == whole


def facts_of(folder: Path, **changes) -> dict:
    """What the cache says of the folder's data set; decoded if it must be."""
    card = {**CARD, **changes}
    read_stored(folder, **changes)
    return cache.peek(stored_module.cache_name(card, folder.parent))


def test_the_same_examples_in_another_order_are_the_declared_ones(parquet_folder):
    """Who repacks a data set shuffles it: ids and splits follow the order, the examples stay."""
    first = facts_of(parquet_folder)
    order = np.random.default_rng(1).permutation(30)
    write_parquet(
        parquet_folder / "train.parquet", [PNG[i] for i in order], [LABELS[i] for i in order]
    )
    again = facts_of(parquet_folder, examples=first["examples"])
    assert again["examples"] == first["examples"]
    assert again["fingerprint"] != first["fingerprint"]


@pytest.mark.parametrize("change", ["a pixel", "a label", "one twice", "test for training"])
def test_other_examples_than_declared_are_refused(parquet_folder, change):
    declared = facts_of(parquet_folder)["examples"]
    images, labels = list(PNG), list(LABELS)
    if change == "a pixel":
        altered = PIXELS[4].copy()
        altered[0, 0, 0] ^= 1
        images[4] = encode(altered)
    elif change == "a label":
        labels[4] = 1 - labels[4]
    elif change == "one twice":
        images[4], labels[4] = images[6], labels[6]
    else:
        images[0], labels[0] = PNG[12], LABELS[12]
        write_parquet(parquet_folder / "test.parquet", [*PNG[:9], PNG[0]], [*LABELS[:9], LABELS[0]])
    write_parquet(parquet_folder / "train.parquet", images, labels)
    with pytest.raises(DataError, match=f"not the declared examples: expected examples {declared}"):
        read_stored(parquet_folder, examples=declared)
