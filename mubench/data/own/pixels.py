"""A person's images to pixels: upright, of one mode and one size, or refused with what was found.

What loses nothing is done unasked: a palette or a grey image becomes RGB, an opaque alpha channel
goes. What loses something (transparency, 16 bits, CMYK, colour) needs `mode` from the user.
"""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mubench.data.own.entry import Crop, Mode
from mubench.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Decoders of Pillow that are used."""
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
)  # fmt: skip
MOST_PIXELS = 89_000_000
"""Of one image: a file of a few kB can say that it is larger."""
BROKEN = (OSError, SyntaxError, ValueError, EOFError, zlib.error, struct.error)
_SIXTEEN = ("I;16", "I;16B", "I;16L", "I")
_GREY = ("1", "L", "LA", *_SIXTEEN)


class Style(NamedTuple):
    """What images become."""

    height: int
    width: int
    mode: Mode
    crop: Crop | None
    """How images of other sizes are brought to this one; None where they are refused."""
    converts: bool
    """Whether the user named the mode, so that what a conversion loses may be lost."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w)."""
        return (1 if self.mode == "L" else 3, self.height, self.width)


class Look(NamedTuple):
    """What an image is, from its header."""

    mode: str
    height: int
    width: int

    @property
    def is_grey(self) -> bool:
        """Whether it has no colours."""
        return self.mode in _GREY


def look(encoded: bytes | None, where: str) -> Look:
    """Mode and upright size of an image, without decoding it. Raises DataError as `pixels_of`."""
    image = _open(encoded, where)
    try:
        turned = image.getexif().get(0x0112, 1) >= 5
    except BROKEN as error:
        raise _undecodable(where, error) from error
    height, width = (image.width, image.height) if turned else (image.height, image.width)
    return Look(image.mode, height, width)


def pixels_of(encoded: bytes | None, style: Style, where: str) -> NDArray[np.uint8]:
    """One image as uint8 (c, h, w).

    Raises:
        DataError: no image, a damaged one or one too large, of several frames, of another size
            where none is to be resized, or of a mode whose conversion the user has not asked for.
    """
    image = _open(encoded, where)
    try:
        image.load()
        image = ImageOps.exif_transpose(image)
        image = _converted(image, style, where)
    except BROKEN as error:
        raise _undecodable(where, error) from error
    if image.size != (style.width, style.height):
        if style.crop is None:
            raise DataError(
                f"{where}: the image is {image.width}x{image.height}, others are "
                f"{style.width}x{style.height}; add 'resize: {min(style.height, style.width)}'"
            )
        image = _fitted(image, style)
    pixels = np.asarray(image).reshape(style.height, style.width, -1)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _open(encoded: bytes | None, where: str) -> Image.Image:
    if not encoded:
        raise DataError(f"{where}: no image bytes")
    try:
        image = Image.open(BytesIO(encoded), formats=FORMATS)
        # What else a phone's MPO holds (a preview, a map of depth) is no frame of its photo.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{where}: {_too_large(error)}") from error
    except BROKEN as error:
        raise _undecodable(where, error) from error
    if image.width * image.height > MOST_PIXELS:
        raise DataError(f"{where}: {_too_large(f'{image.width}x{image.height}')}")
    if frames > 1:
        raise DataError(f"{where}: {frames} frames or pages; keep one of them")
    return image


def _too_large(what: object) -> str:
    size = "far too many pixels" if isinstance(what, Exception) else f"{what} pixels"
    return f"{size}, more than {MOST_PIXELS:,}; scale the image down, or remove it"


def _undecodable(where: str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = f"it is none of {', '.join(FORMATS)}"
    return DataError(f"{where}: the image cannot be decoded ({reason})")


def _converted(image: Image.Image, style: Style, where: str) -> Image.Image:
    if image.mode == style.mode and not image.has_transparency_data:
        return image
    if image.mode == "F":
        raise DataError(f"{where}: fractions as pixels; save the image with 8 or 16 bits")
    lost = _lost(image, style.mode)
    if lost and not style.converts:
        raise DataError(
            f"{where}: {lost}; add 'mode: {style.mode}' to convert all, or mend the file"
        )
    if image.mode in _SIXTEEN:
        image = _eight_bits(image, where)
    return image.convert(style.mode)


def _lost(image: Image.Image, mode: Mode) -> str:
    """What a conversion loses, in words; empty where it loses nothing."""
    if image.mode in _SIXTEEN:
        return "a grey image of 16 bits would become one of 8"
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        return f"a transparent image ({image.mode}) would lose its transparency"
    if image.mode not in ("RGB", "RGBA", "P", "PA", *_GREY):
        return f"an image of mode {image.mode} would become {mode}"
    if mode == "L" and image.mode not in _GREY:
        return f"a coloured image ({image.mode}) would become grey, as the others are"
    return ""


def _eight_bits(image: Image.Image, where: str) -> Image.Image:
    """65535 becomes 255; Pillow itself would cut at 255."""
    values: NDArray[np.int64] = np.asarray(image).astype(np.int64)
    if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise DataError(f"{where}: grey values from {values.min()} to {values.max()}, not 16 bits")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _fitted(image: Image.Image, style: Style) -> Image.Image:
    """The image at another size, bilinear with antialiasing."""
    size, method = (style.width, style.height), Image.Resampling.BILINEAR
    match style.crop:
        case "center":
            return ImageOps.fit(image, size, method)
        case "pad":
            return ImageOps.pad(image, size, method, color=0)
        case _:
            return image.resize(size, method)


def in_words(looks: Sequence[Look]) -> str:
    """Modes and sizes of images: `90 RGB, 10 L; 12 sizes, 32x32 to 500x375`."""
    modes = sorted(
        {one.mode for one in looks}, key=lambda mode: -sum(o.mode == mode for o in looks)
    )
    counted = ", ".join(f"{sum(one.mode == mode for one in looks)} {mode}" for mode in modes)
    sizes = sorted({(one.width, one.height) for one in looks}, key=lambda s: s[0] * s[1])
    ends = f"{sizes[0][0]}x{sizes[0][1]}"
    if len(sizes) > 1:
        ends = f"{len(sizes)} sizes, {ends} to {sizes[-1][0]}x{sizes[-1][1]}"
    return f"{counted}; {ends}"
