"""Files of data sets as torchvision downloads and checks them: CIFAR, SVHN, those like MNIST.

torchvision is imported where files are read or fetched, not where they are looked for.
"""

import gzip
import shutil
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mubench.errors import DataError, did_you_mean
from mubench.sources.image_files import stamp_of
from mubench.sources.partition import Ints
from mubench.sources.raw import Part, Raw
from mubench.sources.superclasses import file_classes

WANTED = "the files that torchvision downloads"


class Examples(NamedTuple):
    """One split: images uint8 (n, c, h, w), labels (n,) int64, and where they came from."""

    images: NDArray[np.uint8]
    labels: Ints
    where: Path


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether some file of the data set that `torchvision` of the card names is there."""
    return any(folder.glob(_kind(card).files))


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name, size and time of each file."""
    return [stamp_of(path) for path in sorted(folder.glob(_kind(card).files))]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w), and labels (of CIFAR-100 the fine ones).

    Raises:
        DataError: a file is missing or not the published one, or images are not what the card says.
    """
    shape = tuple(card.get("stored_shape") or card["input_shape"])
    splits = [
        _kind(card).read(_dataset(card), folder, str(card["name"]), split)
        for split in ("train", "test")
    ]
    for images, labels, where in splits:
        if images.shape != (len(labels), *shape):
            raise DataError(
                f"{where}: images {images.shape} and {len(labels)} labels, but the card says "
                f"images {shape}; fetch the files again, or correct the card"
            )
    train, test = (Part(inputs=found.images, labels=found.labels) for found in splits)
    return Raw(train=train, test=test, class_names=file_classes(card))


def fetch(card: Mapping[str, Any], folder: Path) -> None:
    """Let torchvision download what is missing. Raises whatever it does without a network."""
    kind, dataset = _kind(card), _dataset(card)
    for split in ("train", "test"):
        dataset(folder, download=True, **kind.arguments(split))


def _cifar(dataset: Any, folder: Path, name: str, split: str) -> Examples:
    place = folder / dataset.base_folder
    listed = [*dataset.train_list, *dataset.test_list]
    for file, md5 in [*listed, [dataset.meta["filename"], dataset.meta["md5"]]]:
        _require(place / file, md5, name)
    found = _opened(place, dataset, folder, _by_flag(split))
    images = np.ascontiguousarray(found.data.transpose(0, 3, 1, 2))
    return Examples(images, np.array(found.targets, dtype=np.int64), place)


def _svhn(dataset: Any, folder: Path, name: str, split: str) -> Examples:
    _, file, md5 = dataset.split_list[split]
    _require(folder / file, md5, name)
    found = _opened(folder / file, dataset, folder, _by_name(split))
    labels = np.atleast_1d(found.labels).astype(np.int64)
    return Examples(np.ascontiguousarray(found.data), labels, folder / file)


def _mnist(dataset: Any, folder: Path, name: str, split: str) -> Examples:
    raw = Path(dataset.__name__, "raw")
    with TemporaryDirectory() as root:  # torchvision reads unpacked files alone
        (Path(root) / raw).mkdir(parents=True)
        for file, md5 in dataset.resources:
            _unpack(folder / raw / file, md5, Path(root) / raw, name)
        prefix = "train" if split == "train" else "t10k"
        where = folder / raw / f"{prefix}-images-idx3-ubyte"
        found = _opened(where, dataset, Path(root), _by_flag(split))
        labels = found.targets.numpy().astype(np.int64)
        return Examples(found.data.numpy()[:, None], labels, where)


def _by_flag(split: str) -> dict[str, Any]:
    return {"train": split == "train"}


def _by_name(split: str) -> dict[str, Any]:
    return {"split": split}


class Kind(NamedTuple):
    """How a class of torchvision keeps its files: a glob, their reader, how it calls a split."""

    files: str
    read: Callable[[Any, Path, str, str], Examples]
    arguments: Callable[[str], dict[str, Any]] = _by_flag


KINDS: Mapping[str, Kind] = {
    "CIFAR10": Kind("cifar-10-batches-py/*", _cifar),
    "CIFAR100": Kind("cifar-100-python/*", _cifar),
    "SVHN": Kind("t*_32x32.mat", _svhn, _by_name),
    "MNIST": Kind("MNIST/raw/*-ubyte*", _mnist),
    "FashionMNIST": Kind("FashionMNIST/raw/*-ubyte*", _mnist),
    "KMNIST": Kind("KMNIST/raw/*-ubyte*", _mnist),
}


def _kind(card: Mapping[str, Any]) -> Kind:
    name = str(card.get("torchvision"))
    if name not in KINDS:
        raise DataError(
            f"dataset {card['name']}: torchvision: unknown class '{name}'; "
            f"{did_you_mean(name, KINDS)}"
        )
    return KINDS[name]


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


def _unpack(packed: Path, md5: str, place: Path, name: str) -> None:
    """Put an IDX file into `place`: a link to it, or what its .gz holds."""
    plain = packed.with_suffix("")
    if plain.is_file():
        (place / plain.name).symlink_to(plain.absolute())
        return
    _require(packed, md5, name)
    try:
        with gzip.open(packed) as source, (place / plain.name).open("wb") as target:
            shutil.copyfileobj(source, target)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{packed}: cannot be unpacked ({_first_line(error)}); fetch it again"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
