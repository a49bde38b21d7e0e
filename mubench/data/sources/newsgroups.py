"""20 Newsgroups as its two folders of messages, or as scikit-learn's fetcher keeps them.

Both give the same examples in the same order: by newsgroup, then by the name of the message's file.
"""

import io
import pickle
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from mubench.data.sources.image_files import folders_in, stamp_of
from mubench.data.sources.raw import Part, Raw
from mubench.data.sources.superclasses import file_classes
from mubench.errors import DataError

WANTED = "20news-bydate-train/ and 20news-bydate-test/, or scikit-learn's 20news-bydate_py3.pkz"
FOLDER = "20news-bydate-{}"
FETCHED = "20news-bydate_py3.pkz"
SPLITS = ("train", "test")


class Message(NamedTuple):
    """An unchanged text with its sort keys: its newsgroup and the name of its file."""

    group: str
    file: str
    text: str


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether the training messages are there in either form."""
    del card
    return (folder / FOLDER.format("train")).is_dir() or (folder / FETCHED).is_file()


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name and time of each newsgroup's folder, or the fetched file's name, size and time."""
    del card
    if not (folder / FOLDER.format("train")).is_dir():
        return stamp_of(folder / FETCHED)
    return [
        [split, *stamp_of(folder / FOLDER.format(split) / group)]
        for split in SPLITS
        for group in folders_in(folder / FOLDER.format(split))
    ]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Complete messages, with headers, as text; labels are the newsgroups of the card.

    Raises:
        DataError: a folder or file is missing or damaged, or newsgroups are not those of the card.
    """
    names = file_classes(card)
    if (folder / FOLDER.format("train")).is_dir():
        parts = [
            _part(_in_folders(folder / FOLDER.format(split), names), names) for split in SPLITS
        ]
    else:
        parts = [_part(_fetched(folder, split, names), names) for split in SPLITS]
    return Raw(train=parts[0], test=parts[1], class_names=names)


def fetch(card: Mapping[str, Any], folder: Path) -> None:
    """Download the messages into scikit-learn's own file in `folder`."""
    from sklearn.datasets import fetch_20newsgroups

    del card
    fetch_20newsgroups(data_home=folder, shuffle=False)


def _part(messages: list[Message], names: tuple[str, ...]) -> Part:
    ordered = sorted(messages)
    label_of = {name: label for label, name in enumerate(names)}

    def texts() -> Iterator[list[str]]:
        yield [message.text for message in ordered]

    labels = np.array([label_of[message.group] for message in ordered], dtype=np.int64)
    return Part(inputs=texts, labels=labels)


def _in_folders(folder: Path, names: tuple[str, ...]) -> list[Message]:
    _require_groups(folder, folders_in(folder), names)
    return [
        Message(group, path.name, _text(path))
        for group in names
        for path in (folder / group).iterdir()
        if path.is_file() and not path.name.startswith(".")
    ]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("latin-1")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); fetch it again") from error


def _fetched(folder: Path, split: str, names: tuple[str, ...]) -> list[Message]:
    path = folder / FETCHED
    try:
        fetched = _Texts(io.BytesIO(zlib.decompress(path.read_bytes()))).load()[split]
        groups = [str(fetched["target_names"][label]) for label in fetched["target"]]
        files = [Path(name).name for name in fetched["filenames"]]
        messages = list(map(Message._make, zip(groups, files, fetched["data"], strict=True)))
    except Exception as error:
        raise DataError(
            f"{path}: not the file that scikit-learn keeps ({error}); delete it and fetch it again"
        ) from error
    _require_groups(path, list(fetched["target_names"]), names)
    return messages


class _Texts(pickle.Unpickler):
    """Reads the pickle that scikit-learn keeps, which may be a stranger's: runs no code of it."""

    ALLOWED = frozenset({"Bunch", "_reconstruct", "dtype", "ndarray"})
    """Of scikit-learn and numpy: dictionaries and arrays."""

    @override
    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in ("numpy", "sklearn") or name not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not data")
        return super().find_class(module, name)


def _require_groups(where: Path, groups: list[str], names: tuple[str, ...]) -> None:
    odd = sorted(set(groups) ^ set(names))
    if odd:
        problem = "not on the card; remove it" if odd[0] in groups else "missing; fetch it again"
        raise DataError(f"{where}: the newsgroup {odd[0]} is {problem}")
