"""Files of torchvision without its checksums."""

import pytest
from torchvision import datasets


@pytest.fixture
def no_checksums(monkeypatch):
    """The small files of a test do not have the published checksums."""
    for name in ("CIFAR10", "CIFAR100"):
        kind = getattr(datasets, name)
        for files in ("train_list", "test_list"):
            monkeypatch.setattr(kind, files, [[file, None] for file, _ in getattr(kind, files)])
        monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": None})
    monkeypatch.setattr(
        datasets.SVHN,
        "split_list",
        {split: [url, file, None] for split, (url, file, _) in datasets.SVHN.split_list.items()},
    )
    files = [(file, None) for file, _ in datasets.FashionMNIST.resources]
    monkeypatch.setattr(datasets.FashionMNIST, "resources", files)
