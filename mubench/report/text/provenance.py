"""Under which conditions the numbers were made: a claim carries them or is none."""

from collections.abc import Callable, Iterable

from mubench.report.format import plural
from mubench.store.record import Record
from mubench.store.results import ReportSource

REIMPLEMENTATION = (
    "UGradSL and UGradSL+ are a re-implementation from a secondary description of the paper "
    "(arXiv 2406.07698): its own code and hyperparameters were not available, and the defaults "
    "here were chosen anew."
)


def conditions(source: ReportSource) -> tuple[tuple[str, str], ...]:
    """Return what a reader must know to repeat the numbers, as (term, words)."""
    records = source.newest()
    if not records:
        return (("Records", "none"), ("Command", source.command))
    finals = [record for record in records if record.kind == "final"]
    requests = {record.request for record in finals}
    return (
        ("Records", f"{len(records)} ({_counts(records)})"),
        ("Final requests", str(len(requests))),
        ("Newest record", source.date),
        ("Device", _each(records, lambda r: r.device)),
        ("Threads a step", _each(records, lambda r: str(r.threads))),
        ("Precision", _each(records, lambda r: r.precision)),
        ("Device to itself (finals)", _each(finals, lambda r: "yes" if r.exclusive else "no")),
        ("Commit", _each(records, lambda r: r.commit)),
        ("Versions", _versions(records)),
        ("Tuning", _tuning(records)),
        ("Command", source.command),
    )


def _each(records: Iterable[Record], of: Callable[[Record], str]) -> str:
    return ", ".join(sorted({of(record) or "unknown" for record in records})) or "unknown"


def _counts(records: Iterable[Record]) -> str:
    kinds = [record.kind for record in records]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))


def _versions(records: Iterable[Record]) -> str:
    held = {(name, version) for record in records for name, version in record.versions.items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(held)) or "unknown"


def _tuning(records: Iterable[Record]) -> str:
    budgets = sorted({record.trials for record in records if record.kind == "search"})
    if not budgets:
        return "none: defaults only"
    words = " or ".join(plural(trials, "candidate") for trials in budgets)
    same = "the same budget for every row, " if len(budgets) == 1 else ""
    overlaps = any("search_overlap" in record.flags for record in records)
    but = " (forget sets overlap where the flag search_overlap says so)" if overlaps else ""
    return (
        f"{words} a study, {same}candidate 0 the defaults; searched on other requests{but} and on "
        "validation data, never on test data"
    )
