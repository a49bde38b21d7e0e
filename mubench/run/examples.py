"""Make the examples of a report from stored outputs: confidences and divergent forget examples.

Only the first request of each cell is read, so that it costs little. Outputs that cannot be read
are left out.
"""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from mubench.catalogue.features import features_of, row_in_words
from mubench.catalogue.ids import content_id
from mubench.data.cache.cache import peek
from mubench.data.cache.decoded import StoredSplit, cache_name, stored_dataset
from mubench.data.cache.hygiene import crossing, findings
from mubench.data.options import check_options
from mubench.data.sources.locate import is_in_files
from mubench.data.sources.newsgroup_text import cleaned
from mubench.errors import IntegrityError, MubenchError
from mubench.metrics.distances import js_per_example
from mubench.metrics.features import confidence
from mubench.metrics.outputs import Outputs
from mubench.store.examples import BINS, CellExamples, Confidences, DivergentExample, Examples
from mubench.store.outputs import StoredOutputs
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.results_files import EXAMPLES, pack_examples
from mubench.store.store import Store
from mubench.sweep.grid import DatasetSpec, datasets
from mubench.sweep.kinds import ORIGINAL

DIVERGENT = 4
"""Divergent forget examples shown per row."""
LONGEST_SIDE = 64
"""Pixels; larger images are reduced to it, smaller ones stay as they are."""
LONGEST_TEXT = 200
_UNREADABLE = (IntegrityError, ValueError, KeyError, OSError)


def save_examples(store: Store, results: SweepResults, data_dir: str | None) -> None:
    """Make a sweep's examples, if they are not there, and save them. Raises StoreError."""
    if results.examples and results.examples.made_of == _made_of(store, results) != "":
        return
    made = make_examples(store, results, data_dir)
    if made != results.examples:
        store.save_sweep_file(results.name, EXAMPLES, pack_examples(made))


def make_examples(store: Store, results: SweepResults, data_dir: str | None) -> Examples:
    """Examples of the first final request of each cell, with their images or texts if available.

    Images and texts come from the decoded data, or else from the saved examples.
    """
    outputs = StoredOutputs(store, results.records)
    known = _datasets(results)
    old = results.examples.cells if results.examples else {}
    cells: dict[str, CellExamples] = {}
    is_whole = True
    for cell in results.cells:
        rows = _rows(outputs, results, cell)
        if rows:
            data = known.get(rows[0].dataset)
            cells[cell] = _cell(outputs, rows, data, data_dir, old.get(cell))
            is_whole &= len(cells[cell].confidences) == len(rows) and _has_all_media(cells[cell])
    found = results.examples.data if results.examples else {}
    found = {**found, **{name: _found(data, data_dir) for name, data in known.items()}}
    return Examples(
        cells=cells,
        data={name: lines for name, lines in found.items() if lines},
        made_of=_made_of(store, results) if is_whole else "",
    )


def _made_of(store: Store, results: SweepResults) -> str:
    """An id of the records that examples show; empty where data without a card may be looked at."""
    if any(data.declared is not None for data in _datasets(results).values()):
        return ""
    outputs = StoredOutputs(store, results.records)
    rows = {cell: _rows(outputs, results, cell) for cell in results.cells}
    return content_id({cell: [(r.id, r.created) for r in found] for cell, found in rows.items()})


def _has_all_media(cell: CellExamples) -> bool:
    return all(shown.example in cell.media for shown in cell.oddities)


def _found(data: DatasetSpec, data_dir: str | None) -> tuple[str, ...]:
    """What was found in data without a card file: when they were described, and decoded."""
    if data.declared is None:
        return ()
    card = data.card
    lines = [*card.found]
    with suppress(MubenchError):
        options = check_options(card.card, data.options, data.name)
        lines += findings(stored_dataset(card.card, data_dir), options)
    return tuple(lines)


def _twins(
    outputs: StoredOutputs, anchor: Record, data: DatasetSpec | None, data_dir: str | None
) -> str:
    if data is None or data.declared is None:
        return ""
    with suppress(MubenchError, *_UNREADABLE):
        own = outputs.of(anchor)
        found = crossing(stored_dataset(data.card.card, data_dir), own.forget.ids, own.retain.ids)
        if found is not None:
            return (
                f"{found.exact} of {len(own.forget.ids)} forgotten examples have an exact twin in "
                f"D_r, {found.near} an exact or near one"
            )
    return ""


def _rows(outputs: StoredOutputs, results: SweepResults, cell: str) -> list[Record]:
    """Retrain, original and each row of a cell's first request; the tuned one where it exists."""
    request = next((r.request for r in outputs.records if r.cell == cell), "")
    by_row = {
        (r.row, r.selection): r
        for r in outputs.records
        if r.request == request and r.kind == "final"
    }
    methods = [
        by_row.get((row, "tuned")) or by_row.get((row, "default"))
        for row in results.rows
        if row != ORIGINAL
    ]
    rows = [outputs.anchor(request), outputs.original(request), *methods]
    return [record for record in rows if record is not None]


def _cell(
    outputs: StoredOutputs,
    rows: Sequence[Record],
    data: DatasetSpec | None,
    data_dir: str | None,
    old: CellExamples | None,
) -> CellExamples:
    names = data.card.classes if data else ()
    confidences: list[Confidences] = []
    divergent: list[DivergentExample] = []
    for record in rows:
        with suppress(*_UNREADABLE):
            confidences.append(_confidences(outputs, record))
            divergent += _divergent(outputs, record, names)
    request = rows[0].request
    shown = {example.example for example in divergent}
    saved = old.media if old and old.request == request else {}
    available = {**saved, **_readable_media(data, shown, data_dir)}
    return CellExamples(
        request=request,
        twins=_twins(outputs, rows[0], data, data_dir) or (old.twins if old else ""),
        confidences=tuple(confidences),
        oddities=tuple(divergent),
        media={key: available[key] for key in sorted(shown & available.keys())},
    )


def _confidences(outputs: StoredOutputs, record: Record) -> Confidences:
    context = outputs.context(record, outputs.related(record))
    return Confidences(
        row=_label(record),
        selection=record.selection,
        forget=_counts(context.target.forget),
        holdout=_counts(context.comparable_holdout()),
    )


def _label(record: Record) -> str:
    return record.row or "retrain"


def _counts(outputs: Outputs) -> tuple[int, ...]:
    """How many examples have their q_y in each of `BINS` bins; 1 belongs to the last."""
    bins = np.minimum((BINS * confidence(outputs)).astype(int), BINS - 1)
    return tuple(np.bincount(bins, minlength=BINS).tolist())


def _divergent(
    outputs: StoredOutputs, record: Record, names: Sequence[str]
) -> Iterator[DivergentExample]:
    """The forget examples that a record's model outputs most unlike Retrain."""
    anchor = outputs.anchor(record.request)
    if anchor is None or anchor.id == record.id:
        return
    own = outputs.of(record).forget
    retrained = outputs.of(anchor).forget.of_ids(own.ids)
    divergence = js_per_example(retrained, own)
    order = np.lexsort((own.ids, -divergence))[:DIVERGENT]
    for at in order:
        yield DivergentExample(
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
    probability = np.exp(one.log_probabilities()[0, predicted])
    return f"{_name(names, outputs, predicted)} {probability:.2f}"


def _name(names: Sequence[str], outputs: Outputs, label: int) -> str:
    """A class by its name, where the card names all of them, or by its number."""
    return names[label] if len(names) == outputs.num_classes else str(label)


def _datasets(results: SweepResults) -> Mapping[str, DatasetSpec]:
    """The data sets of a sweep by label, without those whose card or folder is missing."""
    by_label: dict[str, DatasetSpec] = {}
    axis = results.document.get("grid", {}).get("dataset", [])
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
    train = stored_dataset(card, data_dir).splits["train"]
    settings = check_options(card, data.options, f"dataset {data.name}")
    rows = np.flatnonzero(np.isin(train.ids, list(ids)))
    by_id = {int(train.ids[row]): int(row) for row in rows}
    return {key: medium(card, settings, train, by_id[key]) for key in sorted(by_id)}


def medium(
    card: Mapping[str, Any], settings: Mapping[str, Any], split: StoredSplit, row: int
) -> str:
    """One example for people: a `data:image/png` URI, or the beginning of a text."""
    if card["modality"] == "text":
        text = cleaned(str(split.inputs[row]), tuple(settings.get("remove") or ()))
        return " ".join(text.split())[:LONGEST_TEXT]
    if card["modality"] == "table":
        return row_in_words(features_of(card), np.asarray(split.inputs[row]))[:LONGEST_TEXT]
    return png(np.asarray(split.inputs[row]), card.get("max_value", 255))


def png(pixels: np.ndarray, largest: float = 255) -> str:
    """An image (c, h, w) of values from 0 to `largest`, c 1 or 3, as a `data:` URI."""
    scaled = np.clip(np.rint(pixels * (255 / largest)), 0, 255).astype(np.uint8)
    image = Image.fromarray(scaled[0] if len(scaled) == 1 else scaled.transpose(1, 2, 0))
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode()
