"""Evidence as tables: which row can be told from Retrain by which block, and by which metric."""

from collections.abc import Mapping, Sequence

from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.analysis.evidence import MAIN, CellEvidence, RowTest, blocks_of
from mubench.report.analysis.format import format_percent, join_words
from mubench.report.tables.details import Details

_SURVIVAL = (
    "Which rows another Retrain could be. A row is unlike Retrain by a block if some metric of it "
    "puts the row significantly farther from its request's Retrain than other Retrains are (exact "
    "sign-flip test over requests, Holm's correction over the rows, 5 %). To be like Retrain "
    "counts only under a metric that has the power to tell the original from Retrain here. "
    "Controls forget nothing: what calls one like Retrain proves nothing of the others."
)
_TESTS = (
    "Distance to the Retrain of the same request, less the mean distance of other Retrains, over "
    "requests: above zero, a row is farther than a Retrain. Interval: 95 % BCa bootstrap. p: exact "
    "sign-flip test; Holm: corrected for the rows under this metric. Fractions in points."
)


def evidence_tables(cell: Cell) -> tuple[Details, ...]:
    """Print which row survives what, and all tests; nothing without evidence beside the table."""
    measured = CellEvidence(cell)
    blocks = blocks_of(measured)
    selection = cell.leading_selection
    if selection is None or not blocks.keys() - {MAIN}:
        return ()
    ranked = cell.ranked(selection)
    infos = {info.name: info for info in measured.metrics}
    tests = {
        metric: (
            *measured.tests(infos[metric], ranked),
            *measured.tests(infos[metric], cell.controls),
        )
        for metrics in blocks.values()
        for metric in metrics
    }
    rows = (*ranked, *cell.controls)
    return (
        Details(
            title="Evidence: which rows survive what",
            hint=_SURVIVAL,
            headings=("Row", *(name.capitalize() for name in blocks)),
            rows=tuple(
                (row.title, *(_standing(row, metrics, tests) for metrics in blocks.values()))
                for row in rows
            ),
            words=frozenset({"Row", *(name.capitalize() for name in blocks)}),
            is_open=True,
        ),
        _all_tests([test for held in tests.values() for test in held]),
    )


def _standing(row: Row, metrics: Sequence[str], tests: Mapping[str, Sequence[RowTest]]) -> str:
    """What a block says of a row: by which metrics it is unlike Retrain, or why not."""
    held = [test for metric in metrics for test in tests[metric] if test.row is row]
    unlike = [test.metric.title for test in held if test.standing == "unlike Retrain"]
    if unlike:
        return f"unlike Retrain: {join_words(unlike)}"
    standings = {test.standing for test in held}
    order = ("like Retrain", "too few requests", "no power")
    return next((standing for standing in order if standing in standings), "—")


def _all_tests(tests: Sequence[RowTest]) -> Details:
    return Details(
        title="Evidence: all tests",
        hint=_TESTS,
        headings=("Metric", "Row", "Excess distance", "95 % interval", "p", "p, Holm", "Verdict"),
        rows=tuple(map(_test, tests)),
        words=frozenset({"Metric", "Row", "Verdict"}),
        descriptions=tuple(test.metric.description for test in tests),
    )


def _test(test: RowTest) -> tuple[str, ...]:
    def number(value: float) -> str:
        is_fraction = test.metric.unit == "fraction"
        return format_percent(value, signed=True) if is_fraction else f"{value:+.3g}"

    return (
        test.metric.title,
        test.row.title,
        number(test.mean.mean),
        " to ".join(map(number, test.interval or ())) or "—",
        f"{test.p_value:.3f}",
        f"{test.p_holm:.3f}",
        test.standing,
    )
