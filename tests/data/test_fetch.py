"""Fetching and checking data: real files, downloads over a network, and downloads that fail."""

import hashlib
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from torchvision import datasets

from mubench.catalogue import cards
from mubench.data.cache.decoded import stored_dataset
from mubench.data.fetch import check_data, fetch_data
from mubench.errors import DataError
from tests.support.parquet_files import CARD, write_parquet
from tests.support.written_data import CIFAR, FASHION, FOLDERS, pixels, write_folders, write_idx

pytestmark = pytest.mark.usefixtures("cache_dir")


def fetched(card, folder):
    return list(fetch_data(cards.validate_data_card(card), str(folder.parent)))


def checked(card, folder):
    return list(check_data(cards.validate_data_card(card), str(folder.parent)))


def cached_folder(cache_dir):
    (folder,) = (path for path in cache_dir.iterdir() if path.is_dir())
    return folder


def test_fetch_decodes_files_into_the_cache_once_and_says_what_they_hold(toy_data, cache_dir):
    """Twelve training images of each class: one of ten, at least one, is for validation."""
    write_folders(toy_data)
    found = fetched(FOLDERS, toy_data)
    cached = cached_folder(cache_dir)
    fingerprint = stored_dataset(FOLDERS, toy_data.parent).fingerprint
    assert found == [
        ("folder", str(toy_data)),
        ("cache", str(cached)),
        ("train", "22 examples, 11 to 11 per class"),
        ("validation", "2 examples, 1 to 1 per class"),
        ("test", "4 examples, 2 to 2 per class"),
        ("classes", "2: ant, bee"),
        ("fingerprint", f"{fingerprint} (not verified: none declared)"),
    ]
    decoded = {path: path.stat().st_mtime_ns for path in cached.iterdir()}
    assert fetched(FOLDERS, toy_data) == found
    assert {path: path.stat().st_mtime_ns for path in cached.iterdir()} == decoded


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server on this machine with the files of a Fashion-MNIST of 20 and 5 images."""
    files = write_idx(tmp_path / "mirror", True, pixels(20, 28, 28), [0, 1] * 10, ".")
    sums = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in files.iterdir()]
    handler = partial(SimpleHTTPRequestHandler, directory=files)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("no_proxy", "*")
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [address])
        monkeypatch.setattr(datasets.FashionMNIST, "resources", sums)
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("mirror")
def test_fetch_downloads_what_is_missing_and_only_then(tmp_path):
    folder = tmp_path / "data" / "toy"
    first, again = fetched(FASHION, folder), fetched(FASHION, folder)
    assert first[0] == ("fetched", str(folder))
    assert [text for what, text in first if what in ("train", "validation", "test")] == [
        "18 examples, 9 to 9 per class",
        "2 examples, 1 to 1 per class",
        "5 examples, 2 to 3 per class",
    ]
    assert again == first[1:], "what is there is not downloaded again"


def test_a_download_that_fails_says_what_to_put_where(toy_data, monkeypatch):
    def offline(*_, **__):
        raise OSError("no\nnetwork")

    monkeypatch.setattr(datasets, "CIFAR10", offline)
    with pytest.raises(DataError) as caught:
        fetched(CIFAR, toy_data)
    assert str(caught.value) == (
        f"dataset toy: cannot be downloaded from here (no network); put into {toy_data} "
        "the files that torchvision downloads"
    )


def test_data_that_no_program_may_download_are_asked_for(toy_data):
    with pytest.raises(DataError) as caught:
        fetched(FOLDERS, toy_data)
    assert str(caught.value) == (
        f"dataset toy: no program may download it; put into {toy_data} "
        "train/CLASS/ and val/CLASS/ with JPEG or PNG images"
    )


def test_check_finds_nothing_wrong_where_files_are_what_the_card_says(parquet_folder):
    card = {**CARD, "title": "Toy", "sizes": {"train": 27, "validation": 3, "test": 10}}
    found = checked(card, parquet_folder)
    assert [what for what, _ in found] == [
        *("folder", "cache", "train", "validation", "test", "classes", "fingerprint")
    ]


def test_check_counts_training_and_validation_together(parquet_folder):
    """30 and 10 examples; how the 30 are divided is for the hash of the ids."""
    card = {**CARD, "title": "Toy", "sizes": {"train": 28, "validation": 3, "test": 9}}
    assert [text for what, text in checked(card, parquet_folder) if what == "wrong"] == [
        "train and validation have 30 examples; the card says 31",
        "test have 10 examples; the card says 9",
    ]


def test_check_notes_the_first_class_that_files_call_otherwise(parquet_folder):
    for split in ("train", "test"):
        write_parquet(parquet_folder / f"{split}.parquet", names=["cat", "chien"])
    found = checked({**CARD, "title": "Toy"}, parquet_folder)
    assert found[-1] == ("note", "a class is called 'chien' in the files and 'dog' in the card")


def test_check_says_which_groups_there_are(parquet_folder):
    card = {
        **CARD,
        "title": "Toy",
        "classes": ["pet"],
        "groups": ["cat", "dog"],
        "superclasses": {"pet": ["cat", "dog"]},
    }
    found = dict(checked(card, parquet_folder))
    assert found["groups"] == "2: cat, dog"
    assert found["classes"] == "1: pet"


def test_check_finds_a_cached_file_that_was_altered(toy_data, cache_dir):
    """Its size and time are as they were: only its checksum tells."""
    write_folders(toy_data)
    fetched(FOLDERS, toy_data)
    file = cached_folder(cache_dir) / "test_labels.npy"
    before = file.stat()
    labels = np.load(file)
    np.save(file, labels[::-1])
    assert labels.tolist() == [0, 0, 1, 1]
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert checked(FOLDERS, toy_data)[-1] == (
        "wrong",
        f"cached file test_labels.npy was altered; delete {cached_folder(cache_dir)}",
    )


REAL_FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
def test_real_fashion_mnist_is_what_its_card_declares(tmp_path):
    if not REAL_FASHION.is_dir():
        pytest.skip("no real Fashion-MNIST: install Debian's package dataset-fashion-mnist")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fashion_mnist").symlink_to(REAL_FASHION)
    of = cards.dataset("fashion_mnist")
    findings = dict(check_data(of, str(tmp_path / "data")))
    assert findings["fingerprint"] == of.card["fingerprint"]
    assert "wrong" not in findings
