"""Everything that a sweep asks for: its steps in order, its studies, and what a report needs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mubench.sweep.claims import Claim
from mubench.sweep.kinds import ORIGINAL, Device, Keep
from mubench.sweep.published import Published
from mubench.sweep.steps import FinalStep, Step, Study


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep asks for. Each step comes after those that it needs."""

    name: str
    steps: Mapping[str, Step]
    studies: Mapping[str, Study]
    cells: tuple[str, ...]
    rows: tuple[str, ...]
    device: Device
    unknown_data: tuple[str, ...] = ()
    """Data sets that neither a card nor a file describes: their cached steps are unknown."""
    published: Published | None = None
    """A paper's numbers, for the report."""
    claims: tuple[Claim, ...] = ()
    """What the sweep is run to find out."""
    keep: Keep = "outputs"
    """What stays in the store when the sweep is completed."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The rows that are compared: neither the original nor controls."""
        finals = (step for step in self.steps.values() if isinstance(step, FinalStep))
        compared = {step.label for step in finals if step.row is not None and not step.is_control}
        return tuple(row for row in self.rows if row in compared)

    @property
    def controls(self) -> tuple[str, ...]:
        """The rows that forget nothing, beside those that are compared."""
        others = {ORIGINAL, *self.methods}
        return tuple(row for row in self.rows if row not in others)

    def expected(self) -> dict[tuple[str, str, str], int]:
        """How many final records each (cell, row, selection) should have."""
        finals = (step for step in self.steps.values() if isinstance(step, FinalStep))
        return dict(Counter((s.request.cell, s.label, s.selection or "") for s in finals))
