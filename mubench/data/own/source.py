"""The source of a person's own data: the card that describes them, and the examples.

The card is made from what the sweep file says and from the data themselves (`describe`); it travels
with the plan, and `read` opens the same place again.
"""

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mubench.catalogue.features import Feature, features_of
from mubench.data.own import cells
from mubench.data.own.contents import ImageList, Rows
from mubench.data.own.entry import OwnEntry
from mubench.data.own.features import describe_features
from mubench.data.own.hub import fetched
from mubench.data.own.opened import OwnData, OwnSplit, open_own
from mubench.data.own.pixels import Look, Style, in_words, look, pixels_of
from mubench.data.sources.partition import partition
from mubench.data.sources.raw import Part, Piece, Pieces, Raw
from mubench.data.tables.formats import TableFile, unwrapped
from mubench.data.tables.place import Place, open_place
from mubench.errors import DataError, plural

MANY_LINES = 20
"""Lines of a text from which on a person is asked about it."""
WANTED = "a folder of images for each class, or Parquet, Arrow, CSV or JSON lines"
LOOKED_AT = 1000
"""Images whose headers are read to find the size and mode of all."""


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """The place is in the card, and whether anything is there, `read` says better."""
    del card, folder
    return True


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name, size and time of each file: that of `files_of`."""
    del folder
    return files_of(place_of(OwnEntry.of_card(card)))


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w), texts, or rows of a table as float64 (n, C).

    Labels, groups and categories are numbered as the card does.

    Raises:
        DataError: as `describe`; or the data have other classes than when the sweep was planned.
    """
    del folder
    entry = OwnEntry.of_card(card)
    place = place_of(entry)
    data = open_own(place, entry)
    if list(data.classes.names) != list(card["classes"]):
        raise DataError(
            f"{card['uri']}: its classes have changed since the sweep was planned; plan it again"
        )
    style = style_of(card) if card["modality"] == "image" else None
    features = features_of(card)
    if features and features != describe_features(data, entry).features:
        raise DataError(
            f"{card['uri']}: its columns have changed since the sweep was planned; plan it again"
        )
    parts = {
        name: _part(split, data, place, style, features) for name, split in data.splits.items()
    }
    return Raw(
        train=parts["train"],
        test=parts.get("test"),
        validation=parts.get("validation"),
        class_names=data.classes.names,
        group_names=data.groups.names,
    )


def place_of(entry: OwnEntry) -> Place:
    """Where the data are on this machine; those of the hub are fetched first.

    Raises:
        DataError: there is nothing, or the hub does not answer.
        InputError: the package that reads the hub is missing.
    """
    if entry.path is None:
        return open_place(str(fetched(entry)))
    return open_place(entry.path)


def files_of(place: Place) -> list[Any]:
    """Name, size and time of each file."""
    return [[file.name, file.size, file.mtime_ns] for file in place.listed()]


def describe(place: Place, entry: OwnEntry, name: str) -> dict[str, Any]:
    """The card of a place of data.

    Raises:
        DataError: in one line: what was found where, and how to go on.
    """
    data = open_own(place, entry)
    card: dict[str, Any] = {
        "name": name,
        "title": name,
        "uri": entry.uri,
        "own": dict(entry.facts),
        "modality": data.columns.modality,
        "classes": list(data.classes.names),
        "found": [*_counted(data), *data.notes],
        "sizes": _sizes(data),
    }
    if data.columns.group is not None:
        card["groups"] = list(data.groups.names)
    if data.columns.modality == "table":
        described = describe_features(data, entry)
        card["features"] = [
            feature.model_dump(mode="json", exclude_defaults=True) for feature in described.features
        ]
        card["found"] += described.notes
    if data.columns.modality == "text":
        card["found"] += _many_lines(data)
    if data.columns.modality == "image":
        looks = list(islice(_looks(data, place), LOOKED_AT))
        style = _style(looks, entry, place.path)
        card["input_shape"] = list(style.shape)
        became = f", brought to {style.mode} {style.width}x{style.height}"
        same = all((o.mode, o.width, o.height) == (style.mode, *style[1::-1]) for o in looks)
        card["found"].append(
            f"images ({len(looks)} looked at): {in_words(looks)}{'' if same else became}"
        )
    return card


def _many_lines(data: OwnData) -> Iterator[str]:
    """The text of a CSV that has most lines: a quote that is left open takes rows into it."""
    most, where = MANY_LINES - 1, ""
    for split in data.splits.values():
        file = split.split.files[0]
        if not isinstance(file, TableFile) or file.format != "csv":
            continue
        for rows in split.rows(data.columns.inputs):
            lines = pc.count_substring(rows.values[0], "\n").to_numpy(zero_copy_only=False) + 1
            if lines.max() > most:
                most, where = int(lines.max()), rows.where(int(lines.argmax()))
    if where:
        yield f"{where.rpartition('/')[2]} has a text of {most} lines: is a quote left open there?"


def _sizes(data: OwnData) -> dict[str, int]:
    labels = data.splits["train"].labels
    made = partition(
        labels,
        np.arange(len(labels)),
        has_test="test" in data.splits,
        has_validation="validation" in data.splits,
    )
    given = {name: len(data.splits[name].labels) for name in data.splits if name != "train"}
    return {name: len(rows) for name, rows in made.items()} | given


def style_of(card: Mapping[str, Any]) -> Style:
    """What the images of a card become."""
    own = card["own"]
    channels, height, width = card["input_shape"]
    crop = own.get("crop", "center") if "resize" in own else None
    return Style(height, width, "L" if channels == 1 else "RGB", crop, "mode" in own)


def _style(looks: Sequence[Look], entry: OwnEntry, uri: str) -> Style:
    mode = entry.mode or ("L" if all(one.is_grey for one in looks) else "RGB")
    if entry.resize is not None:
        return Style(*entry.resize, mode, entry.crop, entry.mode is not None)
    sizes = {(one.height, one.width) for one in looks}
    if len(sizes) > 1:
        raise DataError(
            f"{uri}: images of different sizes ({in_words(looks)}); add 'resize: 64', say, "
            "to bring all to one"
        )
    height, width = sizes.pop()
    return Style(height, width, mode, None, entry.mode is not None)


def _counted(data: OwnData) -> Iterator[str]:
    for name, split in data.splits.items():
        counts = np.bincount(split.labels, minlength=len(data.classes.names))
        yield f"{name}: {len(split.labels)} examples, {counts.min()} to {counts.max()} a class"
        absent = [data.classes.names[k] for k in np.flatnonzero(counts == 0)]
        if absent:
            yield (
                f"{name} has no example of {plural(len(absent), 'class', 'classes')} "
                f"({', '.join(absent[:3])})"
            )


def _part(
    split: OwnSplit,
    data: OwnData,
    place: Place,
    style: Style | None,
    features: Sequence[Feature],
) -> Part:
    pieces: Pieces
    if features:
        pieces = partial(cells.pieces, split, features)
    elif style is None:
        pieces = partial(_texts, split, data)
    else:
        pieces = partial(_images, split, data, place, style)
    return Part(pieces, split.labels, split.groups)


def _texts(split: OwnSplit, data: OwnData) -> Iterator[Piece]:
    for rows in split.rows(data.columns.inputs):
        texts: list[str | None] = rows.values[0].to_pylist()
        if None in texts:
            raise DataError(
                f"{rows.where(texts.index(None))}: no text in column {data.columns.inputs[0]}; "
                "remove the row"
            )
        yield [text for text in texts if text is not None]


def _images(
    split: OwnSplit, data: OwnData, place: Place, style: Style
) -> Iterator[NDArray[np.uint8]]:
    def one(named: tuple[bytes | str | None, str]) -> NDArray[np.uint8]:
        encoded, where = named
        return pixels_of(_bytes(place, encoded, where), style, where)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for rows in split.rows(data.columns.inputs):
            yield np.stack(list(pool.map(one, _named(rows))))


def _named(rows: Rows) -> Iterator[tuple[bytes | str | None, str]]:
    """Bytes or file of each image, and what messages call it."""
    values = unwrapped(rows.values[0])
    is_struct = pa.types.is_struct(values.type)
    for position, value in enumerate(values.to_pylist()):
        if is_struct and value is not None:  # a file's bytes, or only where it is
            value = value.get("path") if value["bytes"] is None else value["bytes"]
        where = rows.where(position)
        if value and isinstance(value, str):  # of a list of images, or beside a table
            if rows.is_table:
                value = posixpath.join(posixpath.dirname(rows.path), value)
            where = f"{where} ({value})" if rows.is_table else value
        yield value, where


def _bytes(place: Place, encoded: bytes | str | None, where: str) -> bytes | None:
    if encoded is None or encoded == "":
        raise DataError(f"{where}: no image")
    if isinstance(encoded, bytes):
        return encoded
    try:
        return place.read(encoded)
    except DataError as error:
        hint = "name a file, its folder beside the table"
        if "://" in encoded or ":/" in encoded:
            hint = "addresses are not fetched: download the images, and name their files"
        elif "\\" in encoded:
            hint = "write / between folders"
        raise (
            error if where == encoded else DataError(f"{where}: cannot be read; {hint}")
        ) from error


def _looks(data: OwnData, place: Place) -> Iterator[Look]:
    """The headers of some images of each split: all over folders, the first of tables."""
    most = LOOKED_AT // len(data.splits)
    for split in data.splits.values():
        found = (named for rows in split.rows(data.columns.inputs) for named in _named(rows))
        is_list = isinstance(split.split.files[0], ImageList)
        every = max(1, len(split.labels) // most) if is_list else 1
        for encoded, where in islice(found, 0, most * every, every):
            yield look(_bytes(place, encoded, where), where)
