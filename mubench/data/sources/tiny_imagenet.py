"""Tiny-ImageNet as its archive unpacks: wnids.txt, words.txt, train/WNID/images, val/images.

The official validation split becomes the test; the labels of the official test are not public.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mubench.data.sources.image_files import decode_files, images_in, lines_of, stamp_of
from mubench.data.sources.raw import Part, Raw
from mubench.data.sources.superclasses import file_classes
from mubench.errors import DataError

WANTED = "wnids.txt, train/ and val/ of tiny-imagenet-200"
ARCHIVE = "tiny-imagenet-200"
"""The folder into which the archive unpacks; it may be left as it is."""


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether its list of classes is there."""
    del card
    return (_root(folder) / "wnids.txt").is_file()


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name and time of the lists and of each folder of images."""
    del card
    root = _root(folder)
    lists = [root / "wnids.txt", root / "words.txt", root / "val" / "val_annotations.txt"]
    return [
        *map(stamp_of, (*lists, root / "val" / "images")),
        *[[wnid, stamp_of(root / "train" / wnid / "images")] for wnid in _wnids(root)],
    ]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, 3, 64, 64), grey ones as RGB; labels by sorted WordNet id.

    A card's `folders` names the ids in the order of its classes; without it classes are called by
    words.txt.

    Raises:
        DataError: classes are not those of the card, an image is missing or has no annotation, or
            one cannot be decoded.
    """
    root = _root(folder)
    wnids = _wnids(root)
    expected: Sequence[str] = card.get("folders") or wnids
    odd = sorted(set(wnids) ^ set(expected))
    if odd or len(wnids) != len(card["classes"]):
        problem = f"{odd[0]} is in either it or the card, but not in both" if odd else ""
        raise DataError(
            f"{root / 'wnids.txt'}: {problem or f'{len(wnids)} classes'}; expected the "
            f"{len(card['classes'])} classes of the card, fetch it again"
        )
    names = file_classes(card) if "folders" in card else _names(root, expected)
    return Raw(
        train=_train(card, root, expected), test=_test(card, root, expected), class_names=names
    )


def _root(folder: Path) -> Path:
    inner = folder / ARCHIVE
    return inner if inner.is_dir() else folder


def _wnids(root: Path) -> list[str]:
    return sorted({line.strip() for line in lines_of(root / "wnids.txt")} - {""})


def _names(root: Path, wnids: Sequence[str]) -> tuple[str, ...]:
    """The first word of each class, or its id where there is none or two share the word."""
    words = dict.fromkeys(wnids, "")
    if (root / "words.txt").is_file():
        for line in lines_of(root / "words.txt"):
            wnid, _, synonyms = line.partition("\t")
            if wnid in words:
                words[wnid] = synonyms.partition(",")[0].strip()
    count = Counter(words.values())
    return tuple(
        word if word and count[word] == 1 else f"{word} {wnid}".strip()
        for wnid, word in words.items()
    )


def _train(card: Mapping[str, Any], root: Path, wnids: Sequence[str]) -> Part:
    images = [images_in(root / "train" / wnid / "images") for wnid in wnids]
    labels = np.repeat(np.arange(len(wnids)), [len(paths) for paths in images])
    return _part(card, [path for of_class in images for path in of_class], labels)


def _test(card: Mapping[str, Any], root: Path, wnids: Sequence[str]) -> Part:
    annotations = root / "val" / "val_annotations.txt"
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    labels: dict[str, int] = {}
    for number, line in enumerate(lines_of(annotations), 1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0]
        if wnid not in label_of:
            raise DataError(
                f"{annotations}: line {number}: unknown class '{wnid}'; fetch this file again"
            )
        labels[name] = label_of[wnid]
    paths = images_in(root / "val" / "images")
    odd = sorted(labels.keys() ^ {Path(path).name for path in paths})
    if odd:
        is_missing = odd[0] in labels
        raise DataError(
            f"{root / 'val' / 'images' / odd[0]}: missing; put it there"
            if is_missing
            else f"{annotations}: no line for {odd[0]}; fetch this file again"
        )
    ordered = [labels[Path(path).name] for path in paths]
    return _part(card, paths, np.array(ordered, dtype=np.int64))


def _part(card: Mapping[str, Any], paths: list[str], labels: Any) -> Part:
    return Part(inputs=partial(decode_files, paths, card, any_mode=True), labels=labels)
