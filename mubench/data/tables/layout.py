"""Which files are the training, validation and test split, by their names.

The words are those of the Hugging Face hub. Where names allow two readings they are refused: a
forgotten `train_old.parquet` must not double the training data.
"""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from mubench.data.tables.place import File
from mubench.errors import DataError

WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
"""Names of splits."""
SPLITS = ("train", "validation", "test")
Layout = dict[str, tuple[File, ...]]
"""The files of each split, in order."""


def by_name(files: Sequence[File], where: str) -> Layout:
    """Each split's files. Without a split's name in any of them all are `train`.

    Raises:
        DataError: a name is of two splits, or of none where others are of one; the files of a split
            differ in more than a number; a numbered one is missing.
    """
    split_of = {file: _split_of(file.name) for file in files}
    _require_no_partitions(files)
    if not any(split_of.values()):
        return {"train": _shards(files, where, "train")}
    loose = next((file for file, split in split_of.items() if split is None), None)
    if loose is not None:
        named = next(file for file, split in split_of.items() if split)
        raise DataError(
            f"{loose.path}: of no split, as {named.name} is; move it away, or name the files: "
            f"train: {named.name}"
        )
    splits: dict[str, list[File]] = defaultdict(list)
    for file, split in split_of.items():
        splits[str(split)].append(file)
    return {split: _shards(splits[split], where, split) for split in SPLITS if split in splits}


def by_pattern(files: Sequence[File], patterns: Mapping[str, Sequence[str]], where: str) -> Layout:
    """Each split's files, which the user names: `{"train": ["data/a-*.parquet"]}`.

    Raises:
        DataError: a pattern that fits no file, or a file of two splits.
    """
    found: Layout = {}
    taken: dict[File, str] = {}
    for split, wanted in patterns.items():
        chosen: list[File] = []
        for pattern in wanted:
            fits = [file for file in files if fnmatch.fnmatchcase(file.name, pattern)]
            if not fits:
                have = ", ".join(file.name for file in files[:3])
                raise DataError(f"{where}: {split}: no file is called {pattern}; there are {have}")
            chosen += [file for file in fits if file not in chosen]
        for file in chosen:
            if file in taken:
                raise DataError(f"{file.path}: named for {taken[file]} and for {split}")
            taken[file] = split
        found[split] = tuple(chosen)
    return found


def split_word(name: str) -> str | None:
    """The split that a name alone says, such as that of a folder or a value of a column."""
    return WORDS.get(name.strip().lower())


def _split_of(name: str) -> str | None:
    """The split in a file's name, else in that of the nearest folder that says one.

    Raises:
        DataError: two splits in one name.
    """
    for part in reversed(PurePosixPath(name).parts):
        words = re.split(r"[^a-z]+", part.lower())
        splits = {WORDS[word] for word in words if word in WORDS}
        if len(splits) > 1:
            raise DataError(f"{name}: names the splits {' and '.join(sorted(splits))}; rename it")
        if splits:
            return splits.pop()
    return None


def _require_no_partitions(files: Iterable[File]) -> None:
    """Folders such as `label=cat/` hold a column in their names. Raises DataError for one."""
    for file in files:
        for part in PurePosixPath(file.name).parts[:-1]:
            column, is_partition, value = part.partition("=")
            if is_partition and split_word(value) is None:
                raise DataError(
                    f"{file.path}: the folder {part} holds column {column} in its name, which is "
                    f"not read; write {column} into the files"
                )


def _shards(files: Iterable[File], where: str, split: str) -> tuple[File, ...]:
    """The files of one split, which may differ in numbers and hashes alone."""
    shapes: dict[str, File] = {}
    counted: dict[int, list[int]] = defaultdict(list)
    files = sorted(files, key=lambda file: _natural(file.name))
    for file in files:
        shapes.setdefault(_shape(file.name), file)
        for number, count in re.findall(r"(\d+)-of-(\d+)", file.name):
            counted[int(count)].append(int(number))
    if len(shapes) > 1:
        one, other = list(shapes.values())[:2]
        raise DataError(
            f"{where}: {one.name} and {other.name} may both be the {split} split; move one away, "
            f"or name the files of {'all splits' if split != 'train' else 'it'}: "
            f"{split}: {one.name}"
        )
    for count, numbers in counted.items():
        first = 0 if 0 in numbers else 1
        missing = sorted(set(range(first, first + count)) - set(numbers))
        if missing or len(numbers) > count or len(counted) > 1:
            said = f"number {missing[0]} of {count} is missing" if missing else "one is there twice"
            raise DataError(f"{where}: {files[0].name}, ...: {said}; complete the files")
    return tuple(files)


def _shape(name: str) -> str:
    """A name without its numbers, and without the hash behind `-of-00001`."""
    return re.sub(r"\d+", "#", re.sub(r"(-of-\d+)-[0-9a-f]{8,}", r"\1", name))


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A key that puts `part-2` before `part-10`."""
    pieces = re.split(r"(\d+)", name)
    return [(piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces]
