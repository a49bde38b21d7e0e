"""CelebA: faces, one of 40 attributes as the label, the identity as the group.

The folder has img_align_celeba/ and the lists beside it, as text or as the same in .csv. The
official validation partition is left out.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mubench.data.sources.image_files import decode_files, images_in, lines_of, stamp_of
from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Part, Raw
from mubench.data.sources.superclasses import file_classes
from mubench.errors import DataError, did_you_mean

IMAGES = "img_align_celeba"
ATTRIBUTES, IDENTITIES, PARTITION = "list_attr_celeba", "identity_CelebA", "list_eval_partition"
WANTED = f"{IMAGES}/, {ATTRIBUTES}.txt, {IDENTITIES}.txt and {PARTITION}.txt"
TRAIN, LEFT_OUT, TEST = 0, 1, 2


class Column(NamedTuple):
    """One column of a list: its file, and a whole number for each image."""

    path: Path
    values: Mapping[str, int]

    def of(self, image: str) -> int:
        """The number of an image; raises DataError where the list has none."""
        if image not in self.values:
            raise DataError(f"{self.path}: no line for {image}; fetch this file again")
        return self.values[image]


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether the folder of images is there."""
    del card
    return (folder / IMAGES).is_dir()


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name, size and time of the lists; the time of the folder of images."""
    del card
    lists = [_path(folder, stem) for stem in (ATTRIBUTES, IDENTITIES, PARTITION)]
    return [stamp_of(path) for path in (*lists, folder / IMAGES)]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w) in the order of their names; label 1 has the attribute.

    `attribute` of the card names it. Groups number the identities that occur, by ascending number
    of the identity, which is the group's name.

    Raises:
        DataError: a list is missing or damaged, or has no such attribute; an image is missing or
            cannot be decoded.
    """
    partition = _column(folder, PARTITION, None, (TRAIN, LEFT_OUT, TEST))
    attribute = _column(folder, ATTRIBUTES, str(card["attribute"]), (-1, 1))
    identity = _column(folder, IDENTITIES, None, None)
    _require_images(folder / IMAGES, partition)
    names = [
        sorted(image for image, part in partition.values.items() if part == wanted)
        for wanted in (TRAIN, TEST)
    ]
    persons = [_numbers(identity, images) for images in names]
    known = np.unique(np.concatenate(persons))
    train, test = (
        Part(
            inputs=partial(decode_files, [str(folder / IMAGES / name) for name in images], card),
            labels=(_numbers(attribute, images) == 1).astype(np.int64),
            groups=np.searchsorted(known, of_images).astype(np.int64),
        )
        for images, of_images in zip(names, persons, strict=True)
    )
    return Raw(
        train=train,
        test=test,
        class_names=file_classes(card),
        group_names=tuple(map(str, known.tolist())),
    )


def _require_images(folder: Path, partition: Column) -> None:
    """Refuse an image that is used but missing, or that the list of the partition lacks."""
    present = {Path(path).name for path in images_in(folder)}
    used = {image for image, split in partition.values.items() if split != LEFT_OUT}
    for image in sorted(used - present):
        raise DataError(f"{folder / image}: missing; put it there")
    for image in sorted(present):
        partition.of(image)


def _numbers(column: Column, images: Sequence[str]) -> Ints:
    return np.array([column.of(image) for image in images], dtype=np.int64)


def _path(folder: Path, stem: str) -> Path:
    """The list as .csv where only that is there, else as .txt."""
    text, table = folder / f"{stem}.txt", folder / f"{stem}.csv"
    return table if table.is_file() and not text.is_file() else text


def _column(folder: Path, stem: str, name: str | None, allowed: tuple[int, ...] | None) -> Column:
    """A column of a list by its name, or the only one; values must be among those `allowed`."""
    path = _path(folder, stem)
    lines = lines_of(path)
    separator = "," if path.suffix == ".csv" else None
    names, first = _header(path, lines, separator)
    if name is not None and name not in names:
        raise DataError(f"{path}: no attribute '{name}'; {did_you_mean(name, names)}")
    position = 1 if name is None else 1 + names.index(name)
    values: dict[str, int] = {}
    for number, line in enumerate(lines[first:], first + 1):
        fields = line.split(separator)
        value = _whole_number(fields[position]) if len(fields) == 1 + len(names) else None
        if value is None or (allowed is not None and value not in allowed):
            raise DataError(
                f"{path}: line {number}: an image and {len(names)} numbers "
                f"{'' if allowed is None else f'of {allowed} '}are needed; fetch this file again"
            )
        values[fields[0]] = value
    return Column(path, values)


def _header(path: Path, lines: Sequence[str], separator: str | None) -> tuple[list[str], int]:
    """The names of the columns after the image's, and how many lines precede the first image.

    Text begins with the number of images and then the names, or has neither and one column.
    """
    if separator is not None:
        return [field.strip() for field in lines[0].split(separator)][1:] if lines else [], 1
    if not lines or not lines[0].strip().isdigit():
        return ["number"], 0
    if int(lines[0]) != len(lines) - 2:
        raise DataError(
            f"{path}: {max(0, len(lines) - 2)} images, but its first line says {lines[0].strip()}; "
            "fetch this file again"
        )
    return lines[1].split(), 2


def _whole_number(field: str) -> int | None:
    try:
        return int(field)
    except ValueError:
        return None
