"""What a report is made from, and nothing else: no store, no server, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, get_args

from mubench.metrics.gap import Objective
from mubench.store.examples import Examples
from mubench.store.record import Record
from mubench.sweep.claims import Claim
from mubench.sweep.load import LoadedSweep
from mubench.sweep.plan import Plan
from mubench.sweep.published import Published
from mubench.sweep.spec import SearchSpec


@dataclass(frozen=True)
class SweepResults:
    """The records of one sweep, and its plan.

    `cells` and `rows` are in the order of the sweep file. `expected` counts the planned final
    steps of a (cell, row, selection), so that missing ones can be reported.
    """

    name: str
    sweep_text: str
    records: tuple[Record, ...]
    cells: tuple[str, ...]
    rows: tuple[str, ...]
    expected: Mapping[tuple[str, str, str], int]
    command: str
    published: Published | None = None
    """A paper's numbers, to be shown beside the sweep's."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The sweep file as a mapping, overrides included; the plan can be made from it again."""
    claims: tuple[Claim, ...] = ()
    """Claims that the sweep tests."""
    examples: Examples | None = None
    """Examples behind the numbers; None if not made yet."""

    @cached_property
    def latest_records(self) -> tuple[Record, ...]:
        """One record per id, the newest, sorted by id: the order of `records` has no effect."""
        by_age = sorted(self.records, key=lambda record: (record.created, record.status))
        latest = {record.id: record for record in by_age}
        return tuple(latest[key] for key in sorted(latest))

    def named(self, row: str) -> Record | None:
        """Return any record of a row: its method and the values that the sweep file fixes."""
        return self._named.get(row)

    @cached_property
    def _named(self) -> Mapping[str, Record]:
        return {record.row: record for record in self.latest_records if record.row}

    def with_records(self, records: Iterable[Record]) -> "SweepResults":
        """Return the same sweep with these records."""
        return replace(self, records=tuple(records))

    @property
    def objective(self) -> Objective:
        """What searches minimised."""
        search = self.document.get("search")
        stated = search.get("objective") if isinstance(search, dict) else None
        default: Objective = SearchSpec.model_fields["objective"].default
        return next((name for name in get_args(Objective) if name == stated), default)

    @property
    def date(self) -> str:
        """The day and time (ISO 8601, UTC) of the newest record; empty without records."""
        return max((record.created for record in self.records), default="")


def outline(plan: Plan, loaded: LoadedSweep) -> SweepResults:
    """Return the results of a sweep, without any record yet."""
    return SweepResults(
        name=plan.name,
        sweep_text=loaded.text,
        records=(),
        cells=plan.cells,
        rows=plan.rows,
        expected=plan.expected(),
        command=f"mubench run {plan.name}",
        published=plan.published,
        claims=plan.claims,
        document=loaded.document,
    )
