"""What a report is made from, and nothing else: no store, no server, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mubench.plan import Plan
from mubench.published import Published
from mubench.record import Record


@dataclass(frozen=True)
class ReportSource:
    """The records of one sweep, and what the sweep had planned.

    `cells` and `rows` are in the order of the sweep file. `expected` counts the planned final
    steps of a (cell, row, selection), so that what is missing can be said.
    """

    name: str
    sweep_text: str
    records: tuple[Record, ...]
    cells: tuple[str, ...]
    rows: tuple[str, ...]
    expected: Mapping[tuple[str, str, str], int]
    command: str
    published: Published | None = None
    """A paper's numbers, to stand beside."""

    def newest(self) -> tuple[Record, ...]:
        """Return one record an id, the newest, in the order of ids: input order never shows."""
        by_age = sorted(self.records, key=lambda record: (record.created, record.status))
        latest = {record.id: record for record in by_age}
        return tuple(latest[key] for key in sorted(latest))

    @property
    def date(self) -> str:
        """The day and time (ISO 8601, UTC) of the newest record; empty without records."""
        return max((record.created for record in self.records), default="")


def source_of(plan: Plan, records: Iterable[Record], sweep_text: str) -> ReportSource:
    """What a plan's records are reported from; records of other sweeps are left out."""
    return ReportSource(
        name=plan.name,
        sweep_text=sweep_text,
        records=tuple(record for record in records if record.id in plan.steps),
        cells=plan.cells,
        rows=plan.rows,
        expected=plan.expected(),
        command=f"mubench run {plan.name}",
        published=plan.published,
    )
