"""All metrics in their units beside Retrain's."""

from dataclasses import replace

from mubench.metrics.info import METRICS
from mubench.report.tables.all_metrics import metric_table, number
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


def test_energy_is_printed_in_joules():
    texts = [number(METRICS["energy_joules"], value, value) for value in (0.5, 123.4, 2.5e6)]
    assert texts == ["0.500 J", "123 J", "2.50 MJ"]
