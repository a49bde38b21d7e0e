"""Images in folders of their classes: train/CLASS/*.JPEG and perhaps val/CLASS/*.JPEG.

The layout of ImageNet, and of many data sets that users make. The test split is `test`, `val`
or `validation`, the first that has folders of classes; without one, a share of `train` is held out.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mubench.data.sources.image_files import decode_files, folders_in, images_in, stamp_of
from mubench.data.sources.raw import Part, Raw
from mubench.data.sources.superclasses import file_classes
from mubench.errors import DataError

WANTED = "train/CLASS/ and val/CLASS/ with JPEG or PNG images"
TESTS = ("test", "val", "validation")


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether there are folders of training classes."""
    del card
    return bool(folders_in(folder / "train"))


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name and time of each class's folder; images that come or go change the time."""
    del card
    return [
        [split, *stamp_of(folder / split / name)]
        for split in ("train", *TESTS)
        for name in folders_in(folder / split)
    ]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w) by class and name of the file.

    Folders have the names of the card's classes, or the card's `folders` names one per class.

    Raises:
        DataError: folders are not those of the card's classes, one is empty, images lie beside
            them, or one cannot be decoded.
    """
    train = folder / "train"
    names = file_classes(card)
    # By name, never by position: sorted folders need not be in the order of the card's classes.
    classes: Sequence[str] = card.get("folders") or names
    folders = folders_in(train)
    if not len(classes) == len(names) == len(folders):
        raise DataError(
            f"{train}: {len(folders)} folders of classes, but the card has {len(names)} classes; "
            "put the missing ones there, or correct the card"
        )
    test = _test_split(folder)
    return Raw(
        train=_part(card, train, classes),
        test=None if test is None else _part(card, test, classes),
        class_names=names,
    )


def _test_split(folder: Path) -> Path | None:
    candidates = [folder / name for name in TESTS if (folder / name).is_dir()]
    filled = [split for split in candidates if folders_in(split)]
    flat = [split for split in candidates if images_in(split)]
    return next(iter(filled + flat[::-1]), None)  # ImageNet has no labels for test/


def _part(card: Mapping[str, Any], split: Path, classes: Sequence[str]) -> Part:
    _require_folders(split, classes)
    images = [images_in(split / name) for name in classes]
    if [] in images:
        empty = split / classes[images.index([])]
        raise DataError(f"{empty}: no JPEG or PNG images in it; put them there")
    labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in images])
    paths = [path for of_class in images for path in of_class]
    return Part(inputs=partial(decode_files, paths, card), labels=labels)


def _require_folders(split: Path, classes: Sequence[str]) -> None:
    """Refuse a split whose folders are not exactly the classes, or with images beside them."""
    loose = images_in(split)
    if loose:
        raise DataError(
            f"{loose[0]}: not in the folder of a class; move the images of {split.name}/ into "
            f"folders called as those of train/ ({classes[0]}, ...)"
        )
    folders = folders_in(split)
    odd = sorted(set(folders) ^ set(classes))
    if odd:
        problem = (
            "belongs to no class; remove it" if odd[0] in folders else "is missing; put it there"
        )
        raise DataError(f"{split}: the folder {odd[0]} {problem}")
