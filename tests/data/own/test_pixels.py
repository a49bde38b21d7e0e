"""Images become what they show, or are named."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tests.support.own_files import (
    encoded,
    examples,
    noise,
    opened,
    refused,
    solid,
    write_images,
)

pytestmark = pytest.mark.usefixtures("cache_dir")


def pictures(folder: Path, odd: bytes, name: str = "train.parquet") -> Path:
    """Nineteen images of 6x4 and one other, last, so that its place is known."""
    images = [encoded(noise(i)) for i in range(19)] + [odd]
    write_images(folder / name, images, pa.array([0, 1] * 10))
    return folder


def grey16() -> bytes:
    return encoded(Image.fromarray(np.full((4, 6), 257 * 100, np.uint16)))


def palette() -> Image.Image:
    return noise(5).quantize(8)


def clear(alpha: int) -> Image.Image:
    image = noise(5).convert("RGBA")
    image.putalpha(alpha)
    return image


def shifted() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = noise(5).rotate(90, expand=True)
    return encoded(turned, "PNG", exif=exif)


def phone() -> bytes:
    """A photo with a preview behind it."""
    return encoded(solid((9, 9, 9)), "MPO", save_all=True, append_images=[noise(2)])


def as_rgb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("odd", "entry", "expected"),
    [
        (encoded(palette()), {}, as_rgb(palette())),
        (encoded(clear(255)), {}, as_rgb(noise(5))),
        (encoded(clear(9)), {"mode": "RGB"}, as_rgb(noise(5))),
        (encoded(solid(77, mode="L")), {}, np.full((3, 4, 6), 77)),
        (encoded(solid(1, mode="1")), {}, np.full((3, 4, 6), 255)),
        (grey16(), {"mode": "RGB"}, np.full((3, 4, 6), 100)),
        (encoded(noise(5), "WEBP", lossless=True), {}, as_rgb(noise(5))),
        (encoded(noise(5), "BMP"), {}, as_rgb(noise(5))),
        (encoded(noise(5), "TIFF"), {}, as_rgb(noise(5))),
        (shifted(), {}, as_rgb(noise(5))),
        (phone(), {}, np.array([9, 9, 9])),
        (encoded(noise(5), transparency=(1, 2, 3)), {}, as_rgb(noise(5))),
        (
            encoded(solid((0, 255, 255, 0), mode="CMYK"), "TIFF"),
            {"mode": "RGB"},
            np.array([255, 0, 0]),
        ),
        (encoded(solid((9, 8, 7), (12, 8))), {"resize": [4, 6]}, np.array([9, 8, 7])),
        (
            encoded(solid((9, 8, 7), (3, 90))),
            {"resize": [4, 6], "crop": "none"},
            np.array([9, 8, 7]),
        ),
    ],
)
def test_images_become_what_they_show(tmp_path, odd, entry, expected):
    found = opened(pictures(tmp_path / "d", odd), **entry)
    pixels = examples(found)[19][0]
    whole = expected if expected.ndim == 3 else np.broadcast_to(expected[:, None, None], (3, 4, 6))
    assert np.array_equal(pixels, whole)
    assert np.array_equal(examples(found)[3][0], as_rgb(noise(3)))


def test_padding_adds_black(tmp_path):
    found = opened(
        pictures(tmp_path / "d", encoded(solid("white", (4, 4)))), resize=[4, 6], crop="pad"
    )
    assert examples(found)[19][0][0].tolist() == [[0, 255, 255, 255, 255, 0]] * 4


def bomb() -> bytes:
    """A PNG of 20,000 x 20,000 bits in a few kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress(bytes(20_000 * 2_501), 9)
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def animation() -> bytes:
    return encoded(noise(1), "GIF", save_all=True, append_images=[noise(2)])


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (
            encoded(clear(9)),
            "a transparent image (RGBA) would lose its transparency; add 'mode: RGB'",
        ),
        (
            encoded(solid((9, 8, 7)), transparency=(9, 8, 7)),
            "a transparent image (RGB) would lose its transparency; add 'mode: RGB'",
        ),
        (grey16(), "a grey image of 16 bits would become one of 8; add 'mode: RGB'"),
        (
            encoded(solid((0, 0, 0, 0), mode="CMYK"), "JPEG"),
            "an image of mode CMYK would become RGB",
        ),
        (
            encoded(noise(1, (8, 4))),
            "images of different sizes (20 RGB; 2 sizes, 6x4 to 8x4); add 'resize",
        ),
        (bomb(), "far too many pixels, more than 89,000,000"),
        (encoded(solid(1, (30_000, 4_000), "1")), "30000x4000 pixels, more than 89,000,000"),
        (animation(), "2 frames or pages; keep one of them"),
        (b"hello", "it is none of PNG, JPEG"),
        (b"", "no image bytes"),
        (encoded(noise(1))[:60], "cannot be decoded"),
        (encoded(noise(1), "ICO"), "it is none of PNG, JPEG"),
        (
            encoded(solid(0.5, mode="F"), "TIFF"),
            "fractions as pixels; save the image",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_images_that_cannot_be_what_they_show_are_named(tmp_path, odd, reason):
    text = refused(pictures(tmp_path / "d", odd))
    assert reason in text
    assert "row 19" in text or "sizes" in text


def test_grey_images_stay_grey_and_a_later_coloured_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("mubench.data.own.source.LOOKED_AT", 5)
    images = [encoded(noise(i).convert("L")) for i in range(20)]
    write_images(tmp_path / "d" / "train.parquet", images, pa.array([0, 1] * 10))
    assert examples(opened(tmp_path / "d"))[3][0].shape == (1, 4, 6)
    images[19] = encoded(noise(1))
    write_images(tmp_path / "d" / "train.parquet", images, pa.array([0, 1] * 10))
    assert "row 19: a coloured image (RGB) would become grey" in refused(tmp_path / "d")
    images[19] = encoded(noise(1, (7, 4)).convert("L"))
    write_images(tmp_path / "d" / "train.parquet", images, pa.array([0, 1] * 10))
    assert "row 19: the image is 7x4, others are 6x4; add 'resize: 4'" in refused(tmp_path / "d")
