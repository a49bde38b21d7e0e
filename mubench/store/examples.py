"""Single examples behind the numbers of a cell: made from stored outputs, shown by the report.

A report sees records alone; what it shows of examples is made beforehand, is small, and travels
with the records.
"""

from collections.abc import Mapping

from mubench.catalogue.validation import Strict

BINS = 25
"""Equal bins of [0, 1] that confidences are counted in."""


class Confidences(Strict):
    """How sure one model is of the true class: counts of examples in `BINS` bins."""

    row: str
    """A row's label, `retrain` or `original`."""
    selection: str = ""
    forget: tuple[int, ...]
    """Of D_f."""
    holdout: tuple[int, ...]
    """Of held-out examples that are most like D_f."""


class Oddity(Strict):
    """A forget example that a method answers most unlike Retrain."""

    row: str
    selection: str = ""
    example: int
    """Stable id within the data set."""
    label: str
    """The class it was trained as."""
    retrained: str
    """What Retrain says, with its probability: `cat 0.81`."""
    unlearned: str
    """What the method's model says."""
    divergence: float
    """Jensen-Shannon, in nats, at most ln 2."""


class CellExhibits(Strict):
    """What one request of a cell shows."""

    request: str
    confidences: tuple[Confidences, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    """By row in the sweep's order, the most divergent first."""
    media: Mapping[int, str] = {}
    """What an example is, by id: a `data:image/png;base64,...` URI, or its text."""


class Exhibits(Strict):
    """Those of a sweep, by cell."""

    cells: Mapping[str, CellExhibits]
