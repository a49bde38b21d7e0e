"""Ranks over cells against scipy, Friedman and Nemenyi."""

import pytest
from scipy import stats

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.ranks import Ranked, Ranks, ranks
from tests.support.evidence_world import with_closest_control
from tests.support.gaps import gaps_of

TABLE = [
    {"ft": 0.3, "ga": 0.1, "iu": 0.2},
    {"ft": 0.3, "ga": 0.2, "iu": 0.1},
    {"ft": 0.3, "ga": 0.1, "iu": 0.2},
    {"ft": 0.2, "ga": 0.1, "iu": 0.3},
]


def test_ranks_and_friedmans_test_are_scipys():
    found = ranks(aggregate(gaps_of(TABLE, 2)))
    columns = [[row[name] for row in TABLE] for name in ("ft", "ga", "iu")]
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*columns).pvalue)
    assert [(row.title, row.rank) for row in found.rows] == [
        ("GA", pytest.approx(1.25)),
        ("IU", pytest.approx(2.0)),
        ("FT", pytest.approx(2.75)),
    ]


def test_the_critical_difference_is_nemenyis():
    """Demšar 2006, table 5: q = 2.343 for three methods."""
    found = ranks(aggregate(gaps_of(TABLE, 2)))
    assert found.critical_difference == pytest.approx(2.343 * (3 * 4 / (6 * 4)) ** 0.5, abs=1e-3)
    assert "No significant difference between any two of the 3 rows" in found.words


def test_equal_rows_share_their_rank():
    found = ranks(aggregate(gaps_of([{"ft": 0.1, "ga": 0.1, "iu": 0.1}] * 3, 2)))
    assert [row.rank for row in found.rows] == [2.0, 2.0, 2.0]
    assert found.friedman_p == 1.0


def test_many_cells_tell_rows_apart():
    found = ranks(aggregate(gaps_of([{"ft": 0.3, "ga": 0.1, "iu": 0.2}] * 9, 1)))
    assert found.critical_difference < 2
    assert found.words.endswith(
        "GA differs significantly from FT: by more than the critical difference of 1.10 ranks. "
        "Cells that share a data set or model are not independent."
    )


def test_two_cells_are_not_ranked():
    assert ranks(aggregate(gaps_of(TABLE[:2], 2))) is None


def test_a_row_that_lacks_a_cell_is_left_out_and_said():
    table = [dict(row) for row in TABLE]
    source = gaps_of(table, 2)
    kept = tuple(r for r in source.records if not (r.row == "iu" and r.cell.endswith("0.3")))
    found = ranks(aggregate(source.with_records(kept)))
    assert {row.title for row in found.rows} == {"FT", "GA"}
    assert "Not ranked, because numbers are missing: IU." in found.words


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        ((1.5, 1.5, 3.0), "FT and GA come first with 1.50."),
        ((1.0, 2.0, 3.0), "FT comes first with 1.00."),
    ],
)
def test_rows_that_tie_for_the_first_rank_are_all_named(ranks, words):
    rows = tuple(
        Ranked(title, rank, 0.1) for title, rank in zip(("FT", "GA", "IU"), ranks, strict=True)
    )
    assert words in Ranks("tuned", rows, 4, (), 0.1, 5.0).words


def test_a_control_takes_no_rank():
    source = gaps_of(TABLE, 2)
    assert ranks(aggregate(with_closest_control(source))) == ranks(aggregate(source))
