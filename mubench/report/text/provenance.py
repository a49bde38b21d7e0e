"""The conditions of the measurements, and the caveats of the methods."""

from collections.abc import Callable, Iterable, Iterator

from mubench.catalogue import cards
from mubench.errors import plural
from mubench.report.analysis.aggregate import Cell
from mubench.report.analysis.format import join_words
from mubench.store.examples import Examples
from mubench.store.record import Record
from mubench.store.results import SweepResults


def caveats(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return the caveats on the cards of the methods in these cells, each once."""
    methods = dict.fromkeys(row.method for cell in cells for row in cell.methods)
    titles: dict[str, list[str]] = {}
    for card in map(cards.find_method, methods):
        if card is not None and card.caveat:
            titles.setdefault(card.caveat, []).append(card.title)
    return tuple(f"{join_words(names)}: {caveat}" for caveat, names in titles.items())


def conditions(source: SweepResults) -> tuple[tuple[str, str], ...]:
    """Return what a reader must know to repeat the numbers, as (term, words)."""
    records = source.latest_records
    if not records:
        return (("Records", "none"), ("Command", source.command))
    finals = [record for record in records if record.kind == "final"]
    requests = {record.request for record in finals}
    return (
        ("Records", f"{len(records)} ({_counts(records)})"),
        ("Final requests", str(len(requests))),
        *_data(source.examples),
        ("Newest record", source.date),
        ("Device", _each(records, lambda r: r.device)),
        ("Threads per step", _each(records, lambda r: str(r.threads))),
        ("Precision", _each(records, lambda r: r.precision)),
        ("Exclusive device (final steps)", _each(finals, lambda r: "yes" if r.exclusive else "no")),
        ("Commit", _each(records, lambda r: r.commit)),
        ("Versions", _versions(records)),
        ("Tuning", _tuning(records)),
        ("Command", source.command),
    )


def _data(examples: Examples | None) -> Iterator[tuple[str, str]]:
    """What was found in data without a card file, and how many of the forgotten have a twin."""
    if examples is None:
        return
    for name, lines in examples.data.items():
        yield f"Data: {name}", "; ".join(lines)
    for cell, shown in examples.cells.items():
        if shown.twins:
            yield f"Twins: {cell}", f"{shown.twins} (first final request)"


def _each(records: Iterable[Record], text_of: Callable[[Record], str]) -> str:
    return ", ".join(sorted({text_of(record) or "unknown" for record in records})) or "unknown"


def _counts(records: Iterable[Record]) -> str:
    kinds = [record.kind for record in records]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))


def _versions(records: Iterable[Record]) -> str:
    versions = {(name, version) for record in records for name, version in record.versions.items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(versions)) or "unknown"


def _tuning(records: Iterable[Record]) -> str:
    budgets = sorted({record.trials for record in records if record.kind == "search"})
    if not budgets:
        return "none (defaults only)"
    words = " or ".join(plural(trials, "candidate") for trials in budgets)
    same = ", the same for every row" if len(budgets) == 1 else ""
    overlaps = any("search_overlap" in record.flags for record in records)
    exception = " (forget sets overlap where a row has the flag search_overlap)" if overlaps else ""
    return (
        f"{words} per study{same}; candidate 0 has the defaults; searched on other "
        f"requests{exception} and on validation data, never on test data"
    )
