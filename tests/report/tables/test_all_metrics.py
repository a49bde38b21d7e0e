"""All metrics in their units beside Retrain's."""

from dataclasses import replace

from mubench.report.tables.all_metrics import metric_table
from tests.support.report_cells import CELL, only_cell
from tests.support.report_world import finals, retrains


def test_all_metrics_are_printed_in_their_units_beside_retrain_and_the_tuned_rows():
    extra = {"tow": 0.5, "kl_forget": 0.12345, "flops": 1.5e9, "wall_seconds": 2.5, "mine": 3.0}
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
        "mine": ("—", "—", "3.00 ± 0.00"),
    }
    assert [info.title for info, _ in found.lines][-1] == "mine", "of a plug-in that is not loaded"
