"""Examples of a cell that the report shows: made from stored outputs, saved with the records.

Field names are the keys of `exhibits.json`.
"""

from collections.abc import Mapping

from mubench.catalogue.validation import Strict

BINS = 25
"""Number of equal bins of [0, 1] for confidences."""


class Confidences(Strict):
    """Histograms of one model's confidence in the true class: counts in `BINS` bins."""

    row: str
    """A row's label, `retrain` or `original`."""
    selection: str = ""
    forget: tuple[int, ...]
    """Of D_f."""
    holdout: tuple[int, ...]
    """Of held-out examples that are most like D_f."""


class DivergentExample(Strict):
    """A forget example whose prediction diverges most from Retrain's."""

    row: str
    selection: str = ""
    example: int
    """Stable id within the data set."""
    label: str
    """The class it was trained as."""
    retrained: str
    """Retrain's prediction with its probability: `cat 0.81`."""
    unlearned: str
    """The unlearned model's prediction, likewise."""
    divergence: float
    """Jensen-Shannon divergence in nats, at most ln 2."""


class CellExamples(Strict):
    """The examples of one request of a cell."""

    request: str
    twins: str = ""
    """How many examples of D_f have a twin in D_r, in words; empty where nobody looked."""
    confidences: tuple[Confidences, ...] = ()
    oddities: tuple[DivergentExample, ...] = ()
    """By row in the sweep's order, the most divergent first."""
    media: Mapping[int, str] = {}
    """The image or text of an example, by id: a `data:image/png;base64,...` URI, or the text."""


class Examples(Strict):
    """The examples of a sweep, by cell."""

    cells: Mapping[str, CellExamples]
    data: Mapping[str, tuple[str, ...]] = {}
    """What was found in a data set without a card file, in sentences, by its label."""
    made_of: str = ""
    """An id of the records that they are made of; empty where something could not be read."""
