"""Single examples behind a cell's numbers, from stored outputs, each small enough for a page.

One request of each cell is read, so that it costs little. Unreadable outputs are left out.
"""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from mubench.data.cache.cache import peek
from mubench.data.cache.decoded import Held, cache_name, stored
from mubench.data.options import check_options
from mubench.data.sources.locate import is_in_files
from mubench.data.sources.newsgroup_text import cleaned
from mubench.errors import IntegrityError, MubenchError
from mubench.metrics.by_example import js_by_example
from mubench.metrics.features import confidence
from mubench.metrics.outputs import Outputs
from mubench.store.examples import BINS, CellExhibits, Confidences, Exhibits, Oddity
from mubench.store.outputs import SweepAnswers
from mubench.store.record import Record
from mubench.store.results import ReportSource
from mubench.store.results_files import EXHIBITS, pack_exhibits
from mubench.store.store import Store
from mubench.sweep.grid import DatasetSpec, datasets
from mubench.sweep.kinds import ORIGINAL

ODDITIES = 4
"""Forget examples that a row shows."""
LONGEST_SIDE = 64
"""Pixels; larger images are reduced to it, smaller ones stay as they are."""
LONGEST_TEXT = 200
_UNREADABLE = (IntegrityError, ValueError, KeyError, OSError)


def keep_exhibits(store: Store, source: ReportSource, data_dir: str | None) -> None:
    """Make a sweep's exhibits and keep them in the store. Raises StoreError."""
    made = make_exhibits(store, source, data_dir)
    if made != source.exhibits:
        store.save_sweep_file(source.name, EXHIBITS, pack_exhibits(made))


def make_exhibits(store: Store, source: ReportSource, data_dir: str | None) -> Exhibits:
    """Exhibits of the first final request of each cell, with images or texts if known.

    Images and texts come from the decoded data; those that earlier exhibits have are kept.
    """
    answers = SweepAnswers(store, source.records)
    known = _datasets(source)
    old = source.exhibits.cells if source.exhibits else {}
    cells = {}
    for cell in source.cells:
        rows = _rows(answers, source, cell)
        if rows:
            data = known.get(rows[0].dataset)
            cells[cell] = _cell(answers, rows, data, data_dir, old.get(cell))
    return Exhibits(cells=cells)


def _rows(answers: SweepAnswers, source: ReportSource, cell: str) -> list[Record]:
    """Retrain, original and each row of a cell's first request; of a row the tuned one if any."""
    request = next((r.request for r in answers.records if r.cell == cell), "")
    finals = [r for r in answers.records if r.request == request and r.kind == "final"]
    by_row = {(r.row, r.selection): r for r in finals}
    methods = [
        by_row.get((row, "tuned")) or by_row.get((row, "default"))
        for row in source.rows
        if row != ORIGINAL
    ]
    rows = [answers.anchor(request), answers.original(request), *methods]
    return [record for record in rows if record is not None]


def _cell(
    answers: SweepAnswers,
    rows: Sequence[Record],
    data: DatasetSpec | None,
    data_dir: str | None,
    old: CellExhibits | None,
) -> CellExhibits:
    names = data.card.classes if data else ()
    confidences: list[Confidences] = []
    oddities: list[Oddity] = []
    for record in rows:
        with suppress(*_UNREADABLE):
            confidences.append(_confidences(answers, record))
            oddities += _oddities(answers, record, names)
    request = rows[0].request
    shown = {oddity.example for oddity in oddities}
    earlier = old.media if old and old.request == request else {}
    media = {**earlier, **_readable_media(data, shown, data_dir)}
    return CellExhibits(
        request=request,
        confidences=tuple(confidences),
        oddities=tuple(oddities),
        media={key: media[key] for key in sorted(shown & media.keys())},
    )


def _confidences(answers: SweepAnswers, record: Record) -> Confidences:
    related = answers.related(record, answers.relatives(record))
    return Confidences(
        row=_label(record),
        selection=record.selection,
        forget=_counts(related.target.forget),
        holdout=_counts(related.alike()),
    )


def _label(record: Record) -> str:
    return record.row or "retrain"


def _counts(outputs: Outputs) -> tuple[int, ...]:
    """How many examples have their q_y in each of `BINS` bins; 1 belongs to the last."""
    bins = np.minimum((BINS * confidence(outputs)).astype(int), BINS - 1)
    return tuple(np.bincount(bins, minlength=BINS).tolist())


def _oddities(answers: SweepAnswers, record: Record, names: Sequence[str]) -> Iterator[Oddity]:
    """The forget examples that a record's model answers most unlike Retrain."""
    anchor = answers.anchor(record.request)
    if anchor is None or anchor.id == record.id:
        return
    own = answers.of(record).forget
    retrained = answers.of(anchor).forget.of_ids(own.ids)
    divergence = js_by_example(retrained, own)
    order = np.lexsort((own.ids, -divergence))[:ODDITIES]
    for at in order:
        yield Oddity(
            row=_label(record),
            selection=record.selection,
            example=int(own.ids[at]),
            label=_name(names, own, int(own.labels[at])),
            retrained=_prediction(names, retrained, at),
            unlearned=_prediction(names, own, at),
            divergence=float(divergence[at]),
        )


def _prediction(names: Sequence[str], outputs: Outputs, at: int) -> str:
    """A prediction with its probability: `cat 0.81`."""
    one = outputs.at(np.array([at]))
    predicted = int(one.predictions()[0])
    return f"{_name(names, outputs, predicted)} {np.exp(one.log_probabilities()[0, predicted]):.2f}"


def _name(names: Sequence[str], outputs: Outputs, label: int) -> str:
    """A class by its name, where the card names all of them, or by its number."""
    return names[label] if len(names) == outputs.num_classes else str(label)


def _datasets(source: ReportSource) -> Mapping[str, DatasetSpec]:
    """The data sets of a sweep by label, without those whose card or folder is not here."""
    by_label: dict[str, DatasetSpec] = {}
    axis = source.node.get("grid", {}).get("dataset", [])
    for node in axis if isinstance(axis, list) else [axis]:
        with suppress(MubenchError, ValueError, OSError):
            by_label |= {data.label: data for data in datasets(node) if data.card}
    return by_label


def _readable_media(
    data: DatasetSpec | None, ids: set[int], data_dir: str | None
) -> dict[int, str]:
    if data is None:
        return {}
    try:
        return read_media(data, ids, data_dir)
    except Exception:  # noqa: BLE001  a plug-in's reader may raise anything; pictures may be missing
        return {}


def read_media(data: DatasetSpec, ids: Iterable[int], data_dir: str | None) -> dict[int, str]:
    """Examples of D_tr by id: a `data:image/png` URI, or text. Nothing is decoded for it.

    Empty where the data are not decoded here. Raises DataError where a folder is missing.
    """
    card = data.card.card
    if is_in_files(card) and peek(cache_name(card, data_dir)) is None:
        return {}
    train = stored(card, data_dir).splits["train"]
    settings = check_options(card, data.options, f"dataset {data.name}")
    rows = np.flatnonzero(np.isin(train.ids, list(ids)))
    by_id = {int(train.ids[row]): int(row) for row in rows}
    return {key: _medium(card, settings, train, by_id[key]) for key in sorted(by_id)}


def _medium(card: Mapping[str, Any], settings: Mapping[str, Any], split: Held, row: int) -> str:
    if card["modality"] == "text":
        text = cleaned(str(split.inputs[row]), tuple(settings.get("remove") or ()))
        return " ".join(text.split())[:LONGEST_TEXT]
    return png(np.asarray(split.inputs[row]), card.get("max_value", 255))


def png(pixels: np.ndarray, largest: float = 255) -> str:
    """An image (c, h, w) of values from 0 to `largest`, c 1 or 3, as a `data:` URI."""
    scaled = np.clip(np.rint(pixels * (255 / largest)), 0, 255).astype(np.uint8)
    image = Image.fromarray(scaled[0] if len(scaled) == 1 else scaled.transpose(1, 2, 0))
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode()
