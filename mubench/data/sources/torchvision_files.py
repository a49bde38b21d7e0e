"""Files of data sets as torchvision downloads and checks them: CIFAR, SVHN, those like MNIST.

torchvision is imported where files are read or fetched, not where they are looked for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mubench.data.sources.idx import read_idx
from mubench.data.sources.image_files import stamp_of
from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Part, Raw
from mubench.data.sources.superclasses import file_classes
from mubench.errors import DataError, did_you_mean

WANTED = "the files that torchvision downloads"


class Examples(NamedTuple):
    """One split: images uint8 (n, c, h, w), labels (n,) int64, and where they came from."""

    images: NDArray[np.uint8]
    labels: Ints
    where: Path


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether some file of the data set that `torchvision` of the card names is there."""
    return bool(_files(card, folder))


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name, size and time of each file."""
    return [stamp_of(path) for path in _files(card, folder)]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w), and labels (of CIFAR-100 the fine ones).

    Raises:
        DataError: a file is missing or not the published one, or images are not what the card says.
    """
    shape = tuple(card.get("stored_shape") or card["input_shape"])
    splits = [
        _layout(card).read(_dataset(card), folder, str(card["name"]), split)
        for split in ("train", "test")
    ]
    for images, labels, where in splits:
        if images.shape != (len(labels), *shape):
            raise DataError(
                f"{where}: images {images.shape} and {len(labels)} labels, but the card says "
                f"images {shape}; fetch the files again, or correct the card"
            )
    train, test = (Part(inputs=split.images, labels=split.labels) for split in splits)
    return Raw(train=train, test=test, class_names=file_classes(card))


def fetch(card: Mapping[str, Any], folder: Path) -> None:
    """Let torchvision download what is missing. Raises whatever it does without a network."""
    kind, dataset = _layout(card), _dataset(card)
    for split in ("train", "test"):
        dataset(folder, download=True, **kind.arguments(split))


def _cifar(dataset: Any, folder: Path, name: str, split: str) -> Examples:
    place = folder / dataset.base_folder
    listed = [*dataset.train_list, *dataset.test_list]
    for file, md5 in [*listed, [dataset.meta["filename"], dataset.meta["md5"]]]:
        _require(place / file, md5, name)
    opened = _opened(place, dataset, folder, _by_flag(split))
    images = np.ascontiguousarray(opened.data.transpose(0, 3, 1, 2))
    return Examples(images, np.array(opened.targets, dtype=np.int64), place)


def _svhn(dataset: Any, folder: Path, name: str, split: str) -> Examples:
    _, file, md5 = dataset.split_list[split]
    _require(folder / file, md5, name)
    opened = _opened(folder / file, dataset, folder, _by_name(split))
    labels = np.atleast_1d(opened.labels).astype(np.int64)
    return Examples(np.ascontiguousarray(opened.data), labels, folder / file)


def _mnist(dataset: Any, folder: Path, name: str, split: str) -> Examples:
    # Checksums are not compared: torchvision's are of one compression of the files; copies differ.
    del name
    prefix = "train" if split == "train" else "t10k"
    images, labels = (
        _found(folder, dataset.__name__, f"{prefix}-{part}")
        for part in ("images-idx3", "labels-idx1")
    )
    pixels = read_idx(images)
    return Examples(pixels[:, None], read_idx(labels).astype(np.int64), images)


def _found(folder: Path, dataset: str, stem: str) -> Path:
    """An IDX file, plain or packed, in the folder itself or where torchvision puts it."""
    for place in (folder, folder / dataset / "raw"):
        for path in (place / f"{stem}-ubyte", place / f"{stem}-ubyte.gz"):
            if path.is_file():
                return path
    raise DataError(f"{folder}: no {stem}-ubyte or {stem}-ubyte.gz in it; fetch it again")


def _by_flag(split: str) -> dict[str, Any]:
    return {"train": split == "train"}


def _by_name(split: str) -> dict[str, Any]:
    return {"split": split}


class FileLayout(NamedTuple):
    """The files of a class of torchvision: globs, their reader, the arguments for a split."""

    files: tuple[str, ...]
    read: Callable[[Any, Path, str, str], Examples]
    arguments: Callable[[str], dict[str, Any]] = _by_flag


LAYOUTS: Mapping[str, FileLayout] = {
    "CIFAR10": FileLayout(("cifar-10-batches-py/*",), _cifar),
    "CIFAR100": FileLayout(("cifar-100-python/*",), _cifar),
    "SVHN": FileLayout(("t*_32x32.mat",), _svhn, _by_name),
    "MNIST": FileLayout(("*-ubyte*", "MNIST/raw/*-ubyte*"), _mnist),
    "FashionMNIST": FileLayout(("*-ubyte*", "FashionMNIST/raw/*-ubyte*"), _mnist),
    "KMNIST": FileLayout(("*-ubyte*", "KMNIST/raw/*-ubyte*"), _mnist),
}


def _files(card: Mapping[str, Any], folder: Path) -> list[Path]:
    return sorted(path for pattern in _layout(card).files for path in folder.glob(pattern))


def _layout(card: Mapping[str, Any]) -> FileLayout:
    name = str(card.get("torchvision"))
    if name not in LAYOUTS:
        raise DataError(
            f"dataset {card['name']}: torchvision: unknown class '{name}'; "
            f"{did_you_mean(name, LAYOUTS)}"
        )
    return LAYOUTS[name]


def _dataset(card: Mapping[str, Any]) -> Any:
    from torchvision import datasets

    return getattr(datasets, card["torchvision"])


def _opened(where: Path, dataset: Any, root: Path, arguments: Mapping[str, Any]) -> Any:
    try:
        return dataset(root, download=False, **arguments)
    except Exception as error:
        raise DataError(
            f"{where}: torchvision cannot read it ({_first_line(error)}); fetch it again"
        ) from error


def _require(path: Path, md5: str | None, name: str) -> None:
    """Refuse a file that is missing or does not have the published checksum."""
    from torchvision.datasets.utils import check_integrity

    if not check_integrity(path, md5):
        problem = "not the published file" if path.is_file() else "missing"
        raise DataError(
            f"{path}: {problem}; fetch it again, or delete what there is and run "
            f"`mubench data fetch {name}`"
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
