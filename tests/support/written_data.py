"""Data sets in their true layouts, written small."""

import gzip
import pickle
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from mubench.data.cache.decoded import stored_dataset
from mubench.errors import DataError

RNG = np.random.default_rng(0)


def card(source: str, classes: list[str], shape: list[int], **more) -> dict:
    return {
        "name": "toy",
        "title": "Toy",
        "modules": [f"mubench.data.sources.{source}"],
        "modality": "image",
        "classes": classes,
        "input_shape": shape,
        **more,
    }


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, image: np.ndarray, kind: str = "PNG") -> None:
    """An image under any name: the name need not say how it is encoded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, kind)
    path.write_bytes(buffer.getvalue())


def official(found):
    """Inputs, labels and groups of training and validation in the order of ids, then the test's."""
    held = [found.splits["train"], found.splits["validation"]]
    order = np.argsort(np.concatenate([split.ids for split in held]))
    if isinstance(held[0].inputs, np.ndarray):
        inputs = np.concatenate([split.inputs for split in held])[order]
    else:
        texts = [text for split in held for text in split.inputs]
        inputs = [texts[i] for i in order]
    labels = np.concatenate([split.labels for split in held])[order]
    return inputs, labels.tolist(), found.splits["test"]


def refused(of: dict, folder: Path, cache: Path) -> str:
    """The one line that refuses; nothing is left half-written in the cache."""
    with pytest.raises(DataError) as caught:
        stored_dataset(of, folder.parent)
    assert "\n" not in str(caught.value)
    assert not cache.exists() or not [p for p in cache.iterdir() if p.is_dir()]
    return str(caught.value)


CIFAR = card("torchvision_files", ["a", "b"], [3, 32, 32], torchvision="CIFAR10")


def write_cifar(folder: Path, kind: str = "CIFAR10"):
    """Batches of ten images as CIFAR's authors pickled them; images (n, 3, 32, 32) and labels."""
    place = folder / getattr(datasets, kind).base_folder
    place.mkdir()
    fine = "labels" if kind == "CIFAR10" else "fine_labels"
    batches = {}
    for name, _ in getattr(datasets, kind).train_list + getattr(datasets, kind).test_list:
        batches[name] = pixels(10, 3072), [i % 2 for i in range(10)]
        batch = {"data": batches[name][0], fine: batches[name][1], "coarse_labels": [0] * 10}
        (place / name).write_bytes(pickle.dumps(batch))
    meta = getattr(datasets, kind).meta
    (place / meta["filename"]).write_bytes(pickle.dumps({meta["key"]: ["a", "b"]}))
    *train, test = [(data.reshape(-1, 3, 32, 32), labels) for data, labels in batches.values()]
    labels = [label for _, of_batch in train for label in of_batch]
    return np.concatenate([data for data, _ in train]), labels, test


FASHION = card("torchvision_files", ["a", "b"], [1, 28, 28], torchvision="FashionMNIST")


def write_idx(
    folder: Path, packed: bool, images: np.ndarray, labels: list[int], at: str = "FashionMNIST/raw"
) -> Path:
    """The four IDX files, the test split with the first five examples."""
    raw = folder / at
    raw.mkdir(parents=True, exist_ok=True)
    for prefix, count in (("train", len(images)), ("t10k", 5)):
        head = np.array([2051, count, 28, 28], ">i4").tobytes()
        label_head = np.array([2049, count], ">i4").tobytes()
        for name, content in (
            ("images-idx3", head + images[:count].tobytes()),
            ("labels-idx1", label_head + bytes(labels[:count])),
        ):
            path = raw / f"{prefix}-{name}-ubyte"
            if packed:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)
    return raw


FOLDERS = card("image_folder", ["ant", "bee"], [3, 4, 6])


def write_folders(folder: Path, test: str = "val", names=("ant", "bee")) -> dict[str, list]:
    """Twelve training and two test images of each class, under suffixes that cycle."""
    images = {"train": [], "test": []}
    for name in names:
        for i in range(12):
            suffix = ("JPEG", "jpg", "jpeg", "png")[i % 4]
            images["train"].append(pixels(4, 6, 3))
            save(folder / "train" / name / f"{i:02}.{suffix}", images["train"][-1])
        for i in range(2):
            images["test"].append(pixels(4, 6, 3))
            save(folder / test / name / f"{i}.png", images["test"][-1])
    return images


def stacked(images: list) -> np.ndarray:
    return np.stack(images).transpose(0, 3, 1, 2)


NEWS = {
    "name": "toy",
    "title": "Toy",
    "modules": ["mubench.data.sources.newsgroups"],
    "modality": "text",
    "classes": ["alt.atheism", "sci.space"],
}


def write_news(folder: Path) -> dict[str, list[str]]:
    """Twelve training and two test messages of each newsgroup, in latin-1."""
    texts: dict[str, list[str]] = {"train": [], "test": []}
    for split, count in (("train", 12), ("test", 2)):
        for group in NEWS["classes"]:
            place = folder / f"20news-bydate-{split}" / group
            place.mkdir(parents=True)
            for i in range(count):
                text = f"From: caf\xe9@{group}\r\nLines: {i}\n\n{split} > \xfc{i}\n"
                (place / str(10100 + i)).write_bytes(text.encode("latin-1"))
                texts[split].append(text)
    return texts
