"""What a place of data holds: tables by split, or images in folders of their classes as a table."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from mubench.data.own.classes import plain
from mubench.data.own.entry import OwnEntry
from mubench.data.own.pixels import SUFFIXES
from mubench.data.sources.partition import Ints
from mubench.data.tables.formats import BATCH, TableFile, format_of
from mubench.data.tables.layout import SPLITS, by_name, by_pattern, split_word
from mubench.data.tables.place import File, Place
from mubench.errors import DataError


class Columns(Protocol):
    """Something with columns: a file of a table, or a list of images."""

    @property
    def path(self) -> str:
        """For messages."""
        ...

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The named columns, in the order of the rows."""
        ...


class Rows(NamedTuple):
    """Some rows of a file."""

    path: str
    numbers: Ints
    """(n,) of the rows in the file."""
    values: tuple[pa.Array, ...]
    """One array (n,) for each column asked for."""
    is_table: bool = True
    """Whether the file is a table, or a folder of images."""

    def where(self, position: int) -> str:
        """The file and row of one of them, for messages."""
        return f"{self.path}: row {self.numbers[position]}"


class Split(NamedTuple):
    """The rows of one split: all of some files, or those where a column says it."""

    files: tuple[Columns, ...]
    column: str | None = None
    values: tuple[str, ...] = ()

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """The named columns, a batch at a time. Raises DataError for a damaged file."""
        asked = list(dict.fromkeys([*columns, *([self.column] if self.column else [])]))
        for file in self.files:
            start = 0
            for batch in file.batches(asked):
                numbers = np.arange(start, start + batch.num_rows)
                start += batch.num_rows
                if self.column is not None:
                    of_split = plain(batch.column(self.column), file.path).cast(pa.string())
                    mask = pa.array([value in self.values for value in of_split.to_pylist()])
                    batch, numbers = batch.filter(mask), numbers[mask.to_numpy(False)]
                values = tuple(batch.column(name) for name in columns)
                yield Rows(file.path, numbers, values, isinstance(file, TableFile))


@dataclass(frozen=True)
class ImageList:
    """Images in folders of their classes as a table of `image` (the file) and `label`."""

    path: str
    images: tuple[str, ...]
    labels: tuple[str, ...]

    def schema(self) -> pa.Schema:
        """Two columns of texts."""
        return pa.schema([("image", pa.string()), ("label", pa.string())])

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The images by class and name."""
        table = pa.table([list(self.images), list(self.labels)], schema=self.schema())
        yield from table.select(list(columns)).to_batches(BATCH)


class Contents(NamedTuple):
    """The splits of a place, and what a person should know of how they were found."""

    splits: dict[str, Split]
    notes: tuple[str, ...] = ()


TABLES = "Parquet, Arrow, CSV or JSON lines"


def contents_of(place: Place, entry: OwnEntry) -> Contents:
    """The splits in a folder or file.

    Raises:
        DataError: there are no data, or names allow two readings.
    """
    files = place.listed()
    saved = None if place.is_file else _saved_by_datasets(place, files)
    if saved is not None:
        return Contents({split: _tables(place, each, entry) for split, each in saved.items()})
    if place.is_file or entry.patterns:
        tables = files
    else:
        tables = [file for file in files if format_of(file.name) and not _is_about(file)]
    images = [file for file in files if file.name.lower().endswith(SUFFIXES)]
    if place.is_file and images:
        raise DataError(f"{place.path}: an image; name the folder that has a folder for each class")
    if place.is_file and not images and format_of(place.path) is None:
        raise DataError(f"{place.path}: no format that is read; save it as {TABLES}")
    if entry.patterns:
        found = by_pattern(files, entry.patterns, place.path)
        _require_tables(file for each in found.values() for file in each)
        return Contents({split: _tables(place, each, entry) for split, each in found.items()})
    if tables and images:
        raise DataError(
            f"{place.path}: has a table ({tables[0].name}) and images ({images[0].name}, ...); "
            "name the table as path, with 'image: COLUMN' of file names, or move one of them away"
        )
    if images:
        _require_readable(files)
        return _image_folders(place, images)
    if not tables:
        raise DataError(f"{place.path}: no data in it; {_instead(files)}")
    found = by_name(tables, place.path) if not place.is_file else {"train": tuple(tables)}
    return Contents({split: _tables(place, each, entry) for split, each in found.items()})


def by_column(contents: Contents, column: str) -> Contents:
    """The splits that a column of one table names.

    Raises:
        DataError: a value that names no split, or no training split.
    """
    [split] = contents.splits.values()
    named: dict[str, list[str]] = {}
    for rows in split.rows([column]):
        for value in set(plain(rows.values[0], rows.path).cast(pa.string()).to_pylist()):
            name = None if value is None else split_word(value)
            if name is None:
                raise DataError(
                    f"{rows.path}: column {column} has {value!r}; a split is called train, "
                    "validation or test"
                )
            if value not in named.setdefault(name, []):
                named[name].append(value)
    return Contents(
        {
            name: split._replace(column=column, values=tuple(named[name]))
            for name in SPLITS
            if name in named
        },
        contents.notes,
    )


def _require_tables(files: Iterable[File]) -> None:
    for file in files:
        if file.name.lower().endswith(SUFFIXES):
            raise DataError(
                f"{file.path}: an image, and patterns name files of tables; put images into "
                "train/CLASS/, validation/CLASS/ and test/CLASS/"
            )
        if format_of(file.name) is None:
            raise DataError(f"{file.path}: no format that is read; save it as {TABLES}")


def _is_about(file: File) -> bool:
    """Whether it tells of data, as `dataset_infos.json` does; tables of JSON are called jsonl."""
    return file.name.endswith(".json")


def _tables(place: Place, files: Sequence[File], entry: OwnEntry) -> Split:
    return Split(tuple(TableFile(place, file, entry.encoding) for file in files))


def _saved_by_datasets(place: Place, listed: Sequence[File]) -> dict[str, tuple[File, ...]] | None:
    """The Arrow files of a folder that `save_to_disk` wrote, in their order; else None."""
    files = {file.name: file for file in listed}
    if "dataset_dict.json" in files:
        names = _names_of_splits(place, files["dataset_dict.json"].path)
        found = {name: _shards_of(place, files, f"{name}/") for name in names}
        strange = [name for name in found if split_word(name) is None]
        if strange:
            raise DataError(
                f"{place.path}: the split '{strange[0]}' is none of train, validation and test; "
                "save those alone"
            )
        words = [str(split_word(name)) for name in found]
        twice = next((word for word in words if words.count(word) > 1), None)
        if twice is not None:
            both = " and ".join(name for name in found if split_word(name) == twice)
            raise DataError(f"{place.path}: {both} are both the {twice} split; save one of them")
        return dict(zip(words, found.values(), strict=True))
    if "state.json" in files:
        return {"train": _shards_of(place, files, "")}
    return None


def _names_of_splits(place: Place, path: str) -> list[str]:
    try:
        return [str(name) for name in json.loads(place.read(path))["splits"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: names no splits; save the data set again") from error


def _shards_of(place: Place, files: Mapping[str, File], folder: str) -> tuple[File, ...]:
    state = files.get(f"{folder}state.json")
    if state is None:
        raise DataError(f"{place.path}: {folder}state.json is missing; save the data set again")
    try:
        names = [
            folder + part["filename"] for part in json.loads(place.read(state.path))["_data_files"]
        ]
        return tuple(files[name] for name in names)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{state.path}: names no whole data set; save it again") from error


_PROSE = (".txt", ".md", ".json", ".xml", ".html", ".pdf", ".yaml", ".db", ".ini", ".py", ".zip")
"""Suffixes of files that may lie beside images; any other could be an image that is not read."""


def _instead(files: Sequence[File]) -> str:
    """What a person may do where a folder has no data."""
    packed = next((f.name for f in files if f.name.lower().endswith((".zip", ".tar", ".tgz"))), "")
    if packed:
        return f"unpack {packed}"
    table = next((file.name for file in files if _is_about(file)), "")
    if table:
        return f"if {table} is a table of JSON lines, name it as path"
    return f"put there a folder of images for each class, or {TABLES}"


def _require_readable(files: Sequence[File]) -> None:
    for file in files:
        if not file.name.lower().endswith((*SUFFIXES, *_PROSE)):
            raise DataError(
                f"{file.path}: no image of a known format ({', '.join(SUFFIXES[:4])}, ...); "
                "convert it, or move it away"
            )


def _image_folders(place: Place, images: Sequence[File]) -> Contents:
    """`train/CLASS/*.jpg` and perhaps `validation/`, `test/`; or `CLASS/*.jpg` alone."""
    tops = list(dict.fromkeys(PurePosixPath(file.name).parts[0] for file in images))
    loose = next((file for file in images if "/" not in file.name), None)
    if loose is not None:
        raise DataError(f"{loose.path}: in the folder of no class; move it into CLASS/{loose.name}")
    words = {top: split_word(top) for top in tops}
    if not any(words.values()):
        return Contents({"train": Split((_image_list(place, place.path, "", images),))})
    strange = next((top for top, word in words.items() if word is None), None)
    if strange is not None or len(set(words.values())) < len(words):
        raise DataError(
            f"{place.path}: {', '.join(f'{top}/' for top in tops[:4])}: splits, or classes? "
            "put all classes below train/, and those of other splits below validation/ and test/"
        )
    splits: dict[str, Split] = {}
    notes = []
    for top in tops:
        inside = [file for file in images if file.name.startswith(f"{top}/")]
        if all(file.name.count("/") == 1 for file in inside):
            note = f"{top}/ has {len(inside)} images without folders of classes"
            if words[top] == "train":
                raise DataError(f"{place.path}: {note}; put them into {top}/CLASS/")
            notes.append(f"{note}: not used")
            continue
        splits[str(words[top])] = Split(
            (_image_list(place, f"{place.path}/{top}", f"{top}/", inside),)
        )
    return Contents({name: splits[name] for name in SPLITS if name in splits}, tuple(notes))


def _image_list(place: Place, path: str, prefix: str, images: Sequence[File]) -> ImageList:
    labels = []
    for file in images:
        parts = PurePosixPath(file.name.removeprefix(prefix)).parts
        if len(parts) != 2:
            problem = (
                "in the folder of no class" if len(parts) == 1 else "a folder inside of a class"
            )
            tops = {image.name.removeprefix(prefix).partition("/")[0] for image in images}
            inner = f", or name {path}/{parts[0]} as path" if len(tops) == 1 and not prefix else ""
            raise DataError(
                f"{file.path}: {problem}; images lie in CLASS/, directly below {path}{inner}"
            )
        labels.append(parts[0])
    empty = _empty_classes(place, prefix, set(labels))
    if empty:
        raise DataError(f"{path}/{empty}: no images in it; put them there, or remove the folder")
    return ImageList(path, tuple(file.path for file in images), tuple(labels))


def _empty_classes(place: Place, prefix: str, classes: set[str]) -> str:
    tops = {
        name.removeprefix(prefix).partition("/")[0]
        for name in place.folders()
        if name.startswith(prefix) and name != prefix.rstrip("/")
    }
    return min(tops - classes, default="")
