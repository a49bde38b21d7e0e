"""What an example is, small enough for a page: a PNG, or the beginning of a text. No torch."""

import base64
import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from mubench.data.cache.cache import peek
from mubench.data.cache.decoded import StoredSplit, cache_name, stored_dataset
from mubench.data.options import check_options
from mubench.data.sources.locate import is_in_files
from mubench.data.sources.newsgroup_text import cleaned
from mubench.sweep.grid import DatasetSpec

LONGEST_SIDE = 64
"""Pixels; larger images are reduced to it, smaller ones stay as they are."""
LONGEST_TEXT = 200


def media(data: DatasetSpec, ids: Iterable[int], data_dir: str | None) -> dict[int, str]:
    """Examples of D_tr by id: a `data:image/png` URI, or text. Nothing is decoded for it.

    Where the data are not decoded here, there is none. Raises DataError where a folder is missing.
    """
    card = data.card.card
    if is_in_files(card) and peek(cache_name(card, data_dir)) is None:
        return {}
    held = stored_dataset(card, data_dir).splits["train"]
    settings = check_options(card, data.options, f"dataset {data.name}")
    rows = {int(held.ids[row]): int(row) for row in np.flatnonzero(np.isin(held.ids, list(ids)))}
    return {key: _shown(card, settings, held, rows[key]) for key in sorted(rows)}


def _shown(
    card: Mapping[str, Any], settings: Mapping[str, Any], held: StoredSplit, row: int
) -> str:
    if card["modality"] == "text":
        text = cleaned(str(held.inputs[row]), tuple(settings.get("remove") or ()))
        return " ".join(text.split())[:LONGEST_TEXT]
    return png(np.asarray(held.inputs[row]), card.get("max_value", 255))


def png(pixels: np.ndarray, largest: float = 255) -> str:
    """An image (c, h, w) of values from 0 to `largest`, c 1 or 3, as a `data:` URI."""
    scaled = np.clip(np.rint(pixels * (255 / largest)), 0, 255).astype(np.uint8)
    image = Image.fromarray(scaled[0] if len(scaled) == 1 else scaled.transpose(1, 2, 0))
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode()
