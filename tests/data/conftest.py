"""Data sets that tests write or load."""

import pytest

from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import load_dataset
from tests.support.cards import read_card
from tests.support.parquet_files import LABELS, PNG, write_parquet


@pytest.fixture(scope="session")
def card():
    return read_card("digits")


@pytest.fixture(scope="session")
def digits(card):
    return load_dataset(card, {}, SPLITS, "cpu")


@pytest.fixture
def parquet_folder(tmp_path):
    """A good data set: 30 training images and 10 test images of 4x6."""
    parquet_folder = tmp_path / "data" / "toy"
    parquet_folder.mkdir(parents=True)
    write_parquet(parquet_folder / "train.parquet")
    write_parquet(parquet_folder / "test.parquet", PNG[:10], LABELS[:10])
    return parquet_folder


@pytest.fixture
def toy_data(tmp_path):
    toy_data = tmp_path / "data" / "toy"
    toy_data.mkdir(parents=True)
    return toy_data
