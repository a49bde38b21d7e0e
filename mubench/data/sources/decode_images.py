"""PNG and JPEG bytes to pixels."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from mubench.errors import DataError

BROKEN = (OSError, SyntaxError, ValueError, EOFError, zlib.error, struct.error)
"""What Pillow raises on damaged files, depending on where the damage is."""
FORMATS = ("PNG", "JPEG")
"""The only decoders of Pillow that are used: files may come from anywhere."""


def decode(
    values: pa.Array,
    shape: tuple[int, ...],
    where: str,
    start: int = 0,
    *,
    resize: bool = False,
) -> NDArray[np.uint8]:
    """Decode encoded images to uint8 (n, c, h, w).

    Args:
        values: bytes, or structs with a field `bytes`.
        shape: (c, h, w) that every image must have; c is 1 (grey) or 3 (RGB).
        where: what a message begins with; the number of the row follows.
        start: number of the first row.
        resize: bring images of any size and mode to `shape`; see `fitted`.

    Raises:
        DataError: an image is absent, cannot be decoded, or has another size or mode.
    """
    images: NDArray[Any] = np.empty((len(values), *shape), np.uint8)
    for i, encoded in enumerate(_encoded(values)):
        images[i] = decode_one(encoded, shape, f"{where} {start + i}", resize=resize)
    return images


def decode_one(
    encoded: bytes | None,
    shape: tuple[int, ...],
    where: str,
    *,
    resize: bool,
    any_mode: bool = False,
) -> NDArray[np.uint8]:
    """One image as uint8 `shape` (c, h, w). Raises DataError as `decode` does.

    `resize` converts images of any size and mode to `shape`, `any_mode` those of the right size.
    """
    channels, height, width = shape
    mode = "L" if channels == 1 else "RGB"
    image = _open(encoded, where)
    if resize or any_mode:
        image = image.convert(mode)
    if resize:
        image = fitted(image, height, width)
    if (image.mode, image.size) != (mode, (width, height)):
        raise DataError(
            f"{where}: the image is {image.mode} {image.width}x{image.height}, "
            f"but all must be {mode} {width}x{height}"
        )
    pixels = np.asarray(image).reshape(height, width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def fitted(image: Image.Image, height: int, width: int) -> Image.Image:
    """The image scaled until it covers (height, width), and the centre of that."""
    if image.size == (width, height):
        return image
    scale = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return image.crop((left, top, left + width, top + height))


def _encoded(values: pa.Array) -> Iterator[bytes | None]:
    if pa.types.is_struct(values.type):
        values = values.flatten()[values.type.get_field_index("bytes")]
    yield from values.to_pylist()


def _open(encoded: bytes | None, where: str) -> Image.Image:
    if encoded is None:
        raise DataError(f"{where}: no image bytes")
    try:
        image = Image.open(BytesIO(encoded), formats=FORMATS)
        image.load()
    except BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{where}: the image cannot be decoded ({reason})") from error
    return image
