"""PNG and JPEG bytes to pixels."""

import struct
import zlib
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
"""No other decoder of Pillow's is let near a stranger's file."""


def decode(
    values: pa.Array, shape: tuple[int, ...], where: str, start: int = 0
) -> NDArray[np.uint8]:
    """Decode encoded images to uint8 (n, c, h, w).

    Args:
        values: bytes, or structs with a field `bytes`.
        shape: (c, h, w) that every image must have; c is 1 (grey) or 3 (RGB).
        where: what a message begins with; the number of the row follows.
        start: number of the first row.

    Raises:
        DataError: an image is absent, cannot be decoded, or has another size or mode.
    """
    if pa.types.is_struct(values.type):
        values = values.flatten()[values.type.get_field_index("bytes")]
    channels, height, width = shape
    mode = "L" if channels == 1 else "RGB"
    images: NDArray[Any] = np.empty((len(values), height, width, channels), np.uint8)
    for i, encoded in enumerate(values.to_pylist()):
        image = _open(encoded, f"{where} {start + i}")
        if (image.mode, image.size) != (mode, (width, height)):
            raise DataError(
                f"{where} {start + i}: the image is {image.mode} {image.width}x{image.height}, "
                f"but all must be {mode} {width}x{height}"
            )
        images[i] = np.asarray(image).reshape(height, width, channels)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


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
