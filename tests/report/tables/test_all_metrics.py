"""All metrics in their units beside Retrain's."""

from dataclasses import replace

from mubench.metrics.info import METRICS
from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.all_metrics import metric_table, number
from tests.support.evidence_world import evidence_source
from tests.support.report_cells import CELL, only_cell
from tests.support.report_world import finals, retrains


def test_all_metrics_are_printed_in_their_units_beside_retrain_and_the_tuned_rows():
    extra = {"tow": 0.5, "kl_forget": 0.12345, "flops": 1.5e9, "wall_seconds": 2.5, "mine": 3.0}
    extra |= {"energy_joules": 12_345.0}
    made = [
        replace(one, metrics={**one.metrics, **extra, "mia_auc": 0.5 + 0.1 * k})
        for k, one in enumerate(finals(CELL, "ft", 0.1, "tuned", 2))
    ]
    found = metric_table(only_cell([*retrains(CELL, 2), *made], rows=("ft",)))
    assert found.columns == ("Retrain", "Original", "FT")
    printed = {info.name: texts for info, texts in found.lines}
    assert printed == {
        "mia_auc": ("—", "—", "55.00 ± 7.07"),
        "tow": ("—", "—", "50.00 ± 0.00"),
        "kl_forget": ("—", "—", "0.123 ± 0.000"),
        "flops": ("—", "—", "1.50 G ± 0.00 G"),
        "wall_seconds": ("—", "—", "2.50 ± 0.00"),
        "energy_joules": ("—", "—", "12.3 kJ ± 0.0 kJ"),
        "mine": ("—", "—", "3.00 ± 0.00"),
    }
    assert [info.title for info, _ in found.lines][-1] == "mine", "of a plug-in that is not loaded"


def test_a_metric_has_its_power_and_is_faint_without_any():
    """MIA AUC is RA here, of which the original lies nothing and 0.03 away in turn."""
    source = evidence_source()
    records = [
        replace(r, metrics={**r.metrics, "mia_auc": r.metrics["ra"]}) for r in source.records
    ]
    found = metric_table(aggregate(source.with_records(records))[0])
    assert found.columns == ("Retrain", "Original", "FT", "GA", "Sham")
    table = found.details
    power = {row[0]: row[table.headings.index("Power")] for row in table.rows}
    assert power == {"MIA AUC": "4 of 9", "Relearnt from a few": "9 of 9"}
    assert [table.rows[k][0] for k in table.faint] == ["MIA AUC"]


def test_without_another_retrain_no_power_is_known():
    made = [
        replace(r, metrics={**r.metrics, "mia_auc": 0.5})
        for r in (*retrains(CELL, 2), *finals(CELL, "ft", 0.1, "tuned", 2))
        if not r.replica
    ]
    table = metric_table(only_cell(made, rows=("ft",))).details
    assert [(row[0], row[table.headings.index("Power")]) for row in table.rows] == [("MIA AUC", "")]
    assert table.faint == frozenset()


def test_energy_is_printed_in_joules():
    texts = [number(METRICS["energy_joules"], value, value) for value in (0.5, 123.4, 2.5e6)]
    assert texts == ["0.500 J", "123 J", "2.50 MJ"]
