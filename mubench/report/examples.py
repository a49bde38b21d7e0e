"""The examples that the page shows of a cell, as texts, and as pictures while there is room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mubench.report.report import CellReport
from mubench.store.examples import CellExamples, DivergentExample

LARGEST_PICTURES = 2**20
"""Characters of pictures in a page; cells beyond it show their examples in words."""
_IMAGE = "data:image/png;base64,"


@dataclass(frozen=True)
class ShownExample:
    """A forget example on which a method's prediction differs from Retrain's."""

    facts: tuple[tuple[str, str], ...]
    image: str
    """A data URI; empty where it is no image, or there is no room."""
    text: str
    """Of a text; empty where it is none, or there is no room."""
    alt: str


@dataclass(frozen=True)
class ShownExamples:
    """The shown examples of a cell, by row."""

    hint: str
    rows: tuple[tuple[str, tuple[ShownExample, ...]], ...]
    """A row's title, and its examples."""


def shown_examples(reports: Iterable[CellReport]) -> Mapping[str, ShownExamples]:
    """Return what the page shows of each cell that has examples, by the cell's name."""
    room, by_cell = LARGEST_PICTURES, {}
    for report in reports:
        if report.examples is None or not report.examples.oddities:
            continue
        size = sum(map(len, report.examples.media.values()))
        fits = 0 < size <= room
        room -= size if fits else 0
        by_cell[report.cell.name] = _shown(report, report.examples, fits=fits)
    return by_cell


def _shown(report: CellReport, examples: CellExamples, *, fits: bool) -> ShownExamples:
    hint = f"Request {examples.request}. Divergence: Jensen-Shannon, in nats, at most 0.693."
    if examples.media and not fits:
        hint += " The page has no room for more pictures; ids are those of the data set."
    media = examples.media if fits else {}
    by_row: dict[str, list[ShownExample]] = {}
    for odd in examples.oddities:
        title = report.cell.title_of(odd.row)
        by_row.setdefault(title, []).append(_example(odd, media.get(odd.example, "")))
    return ShownExamples(hint, tuple((title, tuple(shown)) for title, shown in by_row.items()))


def _example(odd: DivergentExample, medium: str) -> ShownExample:
    is_image = medium.startswith(_IMAGE)
    return ShownExample(
        facts=(
            ("example", str(odd.example)),
            ("trained as", odd.label),
            ("Retrain", odd.retrained),
            ("unlearned", odd.unlearned),
            ("divergence", f"{odd.divergence:.3f}"),
        ),
        image=medium if is_image else "",
        text="" if is_image else medium,
        alt=f"example {odd.example}, trained as {odd.label}",
    )
