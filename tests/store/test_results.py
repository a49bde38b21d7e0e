"""Of two records with one id the newer counts."""

from dataclasses import replace

from tests.support.report_cells import only_cell, with_gaps


def test_of_two_records_with_one_id_the_newer_counts():
    old, new = with_gaps("ft", [0.5]), with_gaps("ft", [0.1])
    new = [replace(one, created="2026-02-04T00:00:00+00:00") for one in new]
    for records in ([*old, *new], [*new, *old]):
        assert only_cell(records).methods[0].estimates["gap"].mean == 0.1
        assert only_cell(records).methods[0].expected == 1
