"""Make the exhibits of a sweep from its stored outputs: single examples behind a cell's numbers.

One request of each cell is looked at, so that it costs little. What cannot be read is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np

from mubench.errors import IntegrityError, MubenchError
from mubench.metrics.by_example import js_by_example
from mubench.metrics.features import confidence
from mubench.metrics.outputs import Outputs
from mubench.run.media import media
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
_UNREADABLE = (IntegrityError, ValueError, KeyError, OSError)


def keep_exhibits(store: Store, source: ReportSource, data_dir: str | None) -> None:
    """Make a sweep's exhibits and keep them in the store. Raises StoreError."""
    made = make_exhibits(store, source, data_dir)
    if made != source.exhibits:
        store.save_sweep_file(source.name, EXHIBITS, pack_exhibits(made))


def make_exhibits(store: Store, source: ReportSource, data_dir: str | None) -> Exhibits:
    """Exhibits of the first final request of each cell, with what examples are if it is known.

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
    found = {(r.row, r.selection): r for r in finals}
    methods = [
        found.get((row, "tuned")) or found.get((row, "default"))
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
    held = old.media if old and old.request == request else {}
    found = {**held, **_media(data, shown, data_dir)}
    return CellExhibits(
        request=request,
        confidences=tuple(confidences),
        oddities=tuple(oddities),
        media={key: found[key] for key in sorted(shown & found.keys())},
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
            retrained=_said(names, retrained, at),
            unlearned=_said(names, own, at),
            divergence=float(divergence[at]),
        )


def _said(names: Sequence[str], outputs: Outputs, at: int) -> str:
    """A prediction with its probability: `cat 0.81`."""
    one = outputs.at(np.array([at]))
    said = int(one.predictions()[0])
    return f"{_name(names, outputs, said)} {np.exp(one.log_probabilities()[0, said]):.2f}"


def _name(names: Sequence[str], outputs: Outputs, label: int) -> str:
    """A class by its name, where the card names all of them, or by its number."""
    return names[label] if len(names) == outputs.num_classes else str(label)


def _datasets(source: ReportSource) -> Mapping[str, DatasetSpec]:
    """The data sets of a sweep by label, without those whose card or folder is not here."""
    found: dict[str, DatasetSpec] = {}
    axis = source.node.get("grid", {}).get("dataset", [])
    for node in axis if isinstance(axis, list) else [axis]:
        with suppress(MubenchError, ValueError, OSError):
            found |= {data.label: data for data in datasets(node) if data.card}
    return found


def _media(data: DatasetSpec | None, ids: set[int], data_dir: str | None) -> dict[int, str]:
    if data is None:
        return {}
    try:
        return media(data, ids, data_dir)
    except Exception:  # noqa: BLE001  a plug-in's reader may raise anything; pictures may be missing
        return {}
