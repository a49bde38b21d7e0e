"""The cached files of a split's inputs: pixels or rows as .npy, texts as bytes and offsets."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from mubench.catalogue.features import Feature, features_of
from mubench.data.cache.table_moments import TableMoments
from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Piece
from mubench.errors import DataError


class ImageWriter:
    """Writes images uint8 (n, c, h, w) as they come; all must have the shape of the first."""

    def __init__(self, path: Path, count: int, shape: tuple[int, ...] | None) -> None:
        self._file = path.open("wb")
        self._count = count
        self._shape = shape
        self._has_header = False
        self._pixels = 0
        self._sum: NDArray[np.float64] = np.zeros(0)
        self._squares: NDArray[np.float64] = np.zeros(0)

    def write(self, piece: Piece, rows: Ints) -> None:
        """Write the images at `rows` (m,) of a piece."""
        if isinstance(piece, list):
            raise DataError(f"{self._file.name}: texts where images should be")
        if not self._has_header:
            self._begin(tuple(piece.shape[1:]))
        images = np.ascontiguousarray(piece[rows])
        self._file.write(images.tobytes())
        self._pixels += len(rows) * math.prod(images.shape[2:])
        self._sum = self._sum + images.sum((0, 2, 3), dtype=np.float64)
        squares = np.square(images, dtype=np.uint16)  # 255 squared fits
        self._squares = self._squares + squares.sum((0, 2, 3), dtype=np.float64)

    def _begin(self, shape: tuple[int, ...]) -> None:
        if self._shape is not None and shape != self._shape:
            raise DataError(f"{self._file.name}: images {shape}, but the card says {self._shape}")
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._sum, self._squares = np.zeros(shape[0]), np.zeros(shape[0])
        self._has_header = True

    def moments(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation by channel, as fractions of 255."""
        mean = self._sum / self._pixels
        std = np.sqrt(self._squares / self._pixels - mean**2)
        return (mean / 255).tolist(), (np.maximum(std, 1e-6) / 255).tolist()

    def close(self) -> None:
        """End the file."""
        self._file.close()


class TableWriter:
    """Writes rows float64 (n, C) of a table; see `mubench.data.table_transform`."""

    def __init__(self, path: Path, count: int, features: Sequence[Feature]) -> None:
        self._file = path.open("wb")
        self._moments = TableMoments(features)
        header = {"descr": "<f8", "fortran_order": False, "shape": (count, len(features))}
        np.lib.format.write_array_header_1_0(self._file, header)

    def write(self, piece: Piece, rows: Ints) -> None:
        """Write the rows at `rows` (m,) of a piece."""
        if isinstance(piece, list):
            raise DataError(f"{self._file.name}: texts where rows of a table should be")
        values = np.ascontiguousarray(piece[rows], dtype="<f8")
        self._file.write(values.tobytes())
        self._moments.update(values)

    def moments(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation by column. Raises DataError as `TableMoments` does."""
        return self._moments.result()

    def close(self) -> None:
        """End the file."""
        self._file.close()


class TextWriter:
    """Writes texts as UTF-8 bytes and the offset at which each begins."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = (folder / f"{name}_text.bin").open("wb")
        self._offsets_path = folder / f"{name}_offsets.npy"
        self._offsets = [0]

    def write(self, piece: Piece, rows: Ints) -> None:
        """Write the texts at `rows` (m,) of a piece."""
        if not isinstance(piece, list):
            raise DataError(f"{self._file.name}: images where texts should be")
        for row in rows:
            encoded = piece[row].encode()
            self._file.write(encoded)
            self._offsets.append(self._offsets[-1] + len(encoded))

    def close(self) -> None:
        """End the files."""
        self._file.close()
        np.save(self._offsets_path, np.array(self._offsets))


class Texts(Sequence[str]):
    """Texts in a memory-mapped file."""

    def __init__(self, content: NDArray[np.uint8], offsets: Ints) -> None:
        self._content, self._offsets = content, offsets

    @override
    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    @override
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._content[self._offsets[index] : self._offsets[index + 1]].tobytes().decode()


def writer_for(
    card: Mapping[str, Any], folder: Path, name: str, count: int
) -> ImageWriter | TableWriter | TextWriter:
    """A writer of the card's modality for `count` examples of a split."""
    if card["modality"] == "text":
        return TextWriter(folder, name)
    if card["modality"] == "table":
        return TableWriter(folder / f"{name}.npy", count, features_of(card))
    shape = card.get("stored_shape") or card.get("input_shape")
    return ImageWriter(folder / f"{name}.npy", count, None if shape is None else tuple(shape))


def open_inputs(folder: Path, name: str) -> NDArray[Any] | Texts:
    """What a writer wrote, memory-mapped; a private mapping, so that nobody can change the file."""
    images = folder / f"{name}.npy"
    if images.exists():
        pixels: NDArray[Any] = np.load(images, mmap_mode="c")
        return pixels
    offsets = np.load(folder / f"{name}_offsets.npy")
    path = folder / f"{name}_text.bin"
    content = np.memmap(path, np.uint8, "c") if path.stat().st_size else np.zeros(0, np.uint8)
    return Texts(content, offsets)
