"""What `mubench.benchmark` returns: the numbers of a sweep, and where its report lies."""

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

from typing_extensions import override

from mubench.report.report import report_of
from mubench.report.tables.html import to_html
from mubench.report.tables.markdown_csv import to_markdown
from mubench.report.tables.table import Table
from mubench.store.record import Record
from mubench.store.results import SweepResults


@dataclass(frozen=True, repr=False)
class BenchmarkResult:
    """A finished sweep; a notebook shows its main tables."""

    report: Path
    """The page of the report, `index.html`; beside it are the tables, figures and records."""
    results: SweepResults
    """The plan and its records, as every part of the report gets them."""
    sweep: str
    """The sweep file that does the same: `mubench run` takes it, and computes nothing again."""
    failures: tuple[Record, ...] = ()
    """Records of steps that failed; `retry=True` runs them again."""

    @property
    def records(self) -> tuple[Record, ...]:
        """One record a step: what ran, with which seeds and hyperparameters, and its metrics."""
        return self.results.latest_records

    @property
    def table(self) -> str:
        """The main table of each cell as Markdown, as the report has it."""
        return "\n".join(map(to_markdown, self._tables))

    @cached_property
    def _tables(self) -> list[Table]:
        return [cell.table for cell in report_of(self.results).cells]

    @override
    def __repr__(self) -> str:
        """The name of the sweep and the place of its report."""
        return f"BenchmarkResult({self.results.name!r}, report={str(self.report)!r})"

    def _repr_html_(self) -> str:
        return (
            f"{to_html(self._tables)}\n<div>Report: <code>{escape(str(self.report))}</code></div>"
        )
