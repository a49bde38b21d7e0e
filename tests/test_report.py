import csv
import io
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_world import CELLS, at_distance, finals, record, retrains, shuffled, world
from rich.console import Console

from mubench.metrics.gap import TERMS, gap
from mubench.report.analysis.aggregate import Cell, aggregate, distances
from mubench.report.analysis.comparisons import against_backbones, compare, judge, marks
from mubench.report.analysis.significance import sign_flip_p
from mubench.report.analysis.tuning import studies
from mubench.report.format import format_percent
from mubench.report.tables.all_metrics import metric_table
from mubench.report.tables.console import console_table
from mubench.report.tables.latex import latex_text, to_latex
from mubench.report.tables.markdown_csv import csv_text, to_csv, to_markdown
from mubench.report.tables.table import table
from mubench.report.text.overview import overview
from mubench.report.text.summary import headline, warnings
from mubench.report.text.summary import remarks as remarks_of
from mubench.store.results import ReportSource

CELL = CELLS[0]


def source(records, rows=("ft", "ga"), expected=None, cells=(CELL,)):
    planned = expected if expected is not None else {}
    return ReportSource("toy", "", tuple(records), cells, rows, planned, "mubench run toy")


def only_cell(records, rows=("ft", "ga"), expected=None) -> Cell:
    return aggregate(source(records, rows, expected))[0]


def remarks(cell):
    return remarks_of(cell, judge(cell))


def with_gaps(row, gaps, selection="tuned"):
    """Final records of one row, one a request, with these gaps."""
    made = finals(CELL, row, 0.1, selection, len(gaps))
    return [
        replace(one, metrics={**one.metrics, "gap": gap})
        for one, gap in zip(made, gaps, strict=True)
    ]


def test_an_estimate_is_the_mean_and_the_sample_deviation_over_requests():
    row = only_cell([*retrains(CELL, 3), *with_gaps("ft", [0.01, 0.02, 0.06])]).methods[0]
    assert row.estimates["gap"].mean == pytest.approx(0.03)
    assert row.estimates["gap"].spread == pytest.approx(0.0264575131)
    assert row.estimates["gap"].n == 3


def test_one_request_has_no_spread():
    row = only_cell([*retrains(CELL, 1), *with_gaps("ft", [0.01])]).methods[0]
    assert row.estimates["gap"].spread is None
    assert "±" not in to_markdown(table(only_cell([*with_gaps("ft", [0.01])])))


def test_errors_of_opposite_sign_cancel_in_the_gap_of_means_only():
    anchors = [one for one in retrains(CELL, 2) if one.replica == 0]
    made = [
        replace(one, metrics={**at_distance(0.0, 0), "ua": 0.28 + away, "ra": 0.98, "gap": 0.045})
        for one, away in zip(finals(CELL, "ft", 0, "tuned", 2), (0.1, -0.1), strict=True)
    ]
    row = only_cell([*anchors, *made]).methods[0]
    assert row.estimates["gap"].mean == pytest.approx(0.045)
    assert row.distances == pytest.approx(
        {"ua": 0.0, "mia_svc": 0.0, "ra": 0.08, "ta": 0.0, "gap": 0.02}
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({name: st.floats(0, 1) for name in TERMS}), min_size=1),
    st.randoms(use_true_random=False),
)
def test_the_mean_gap_is_never_below_the_gap_of_means(ours, random):
    """38, for all four together and for each alone."""
    targets = [{name: random.random() for name in TERMS} for _ in ours]
    for names in (TERMS, *([name] for name in TERMS)):
        pairs = [
            tuple({name: side[name] for name in names} for side in pair)
            for pair in zip(ours, targets, strict=True)
        ]
        mean = fmean(gap(*pair).value for pair in pairs)
        assert mean >= fmean(distances(pairs).values()) - 1e-12


def test_a_spread_has_the_decimals_of_its_mean():
    """RTE of 3.30 s has two decimals, of 0.066 s three; a spread of its own size had others."""
    made = [
        replace(one, metrics={**one.metrics, "rte_seconds": seconds, "flops": 2e9 + seconds})
        for one, seconds in zip(finals(CELL, "ft", 0.1, "tuned", 2), (3.2, 3.4), strict=True)
    ]
    cell = only_cell([*retrains(CELL, 2), *made], rows=("ft",))
    entry = table(cell).group("tuned")[0].entries[-1]
    assert (entry.value, entry.spread) == ("3.30", "0.14")
    printed = {info.name: texts[-1] for info, texts in metric_table(cell).lines}
    assert printed["flops"] == "2.00 G ± 0.00 G"


def test_the_distance_in_parentheses_is_to_the_retrains_of_the_same_requests():
    row = only_cell([*retrains(CELL, 3), *finals(CELL, "ft", 0.04, "tuned", 2)]).methods[0]
    assert row.distances["ra"] == pytest.approx((0.04 + 0.044) / 2)


def test_the_noise_floor_pairs_retrains_of_one_request_and_never_of_two():
    floor = only_cell(retrains(CELL, 1)).floor
    assert floor is not None
    assert floor.pairs == 3
    assert floor.mean["gap"] == pytest.approx(0.04 / 3)
    assert floor.percentile_95["ua"] == pytest.approx(0.019)  # of 0.01, 0.01, 0.02
    two = only_cell(retrains(CELL, 2)).floor
    assert two is not None
    assert two.pairs == 6


def test_one_retrain_a_request_leaves_the_noise_floor_unknown():
    cell = only_cell([one for one in retrains(CELL, 2) if one.replica == 0])
    assert cell.floor is None
    assert table(cell).lines[1].count == "no pairs"


def test_extra_retrains_do_not_move_the_anchor():
    assert only_cell(retrains(CELL, 2)).retrain.estimates["ua"].mean == pytest.approx(0.28)


def test_retrains_of_search_requests_are_not_the_anchor():
    searched = [replace(one, purpose="search", metrics={"ua": 1.0}) for one in retrains(CELL, 1)]
    assert only_cell(searched).retrain.records == ()


def test_the_order_of_records_does_not_show():
    shown = world()
    assert aggregate(shuffled(shown)) == aggregate(shown)


def test_of_two_records_with_one_id_the_newer_counts():
    old, new = with_gaps("ft", [0.5]), with_gaps("ft", [0.1])
    new = [replace(one, created="2026-02-04T00:00:00+00:00") for one in new]
    for records in ([*old, *new], [*new, *old]):
        assert only_cell(records).methods[0].estimates["gap"].mean == 0.1
        assert only_cell(records).methods[0].expected == 1


def test_a_diverged_final_counts_with_its_numbers_and_is_told():
    row = only_row("ga", "tuned")
    assert row.estimates["gap"].n == 3
    assert row.troubles() == ("1 of 3 diverged (loss was not finite in step 7)",)


def test_a_row_that_only_diverged_is_not_ranked():
    """Its numbers are those of the weights that it was rolled back to."""
    made = [replace(one, status="diverged") for one in with_gaps("ga", [0.01, 0.01])]
    cell = only_cell([*made, *with_gaps("ft", [0.3, 0.3])])
    assert [row.label for row in cell.ranked("tuned")] == ["ft"]
    half = [replace(made[0], status="ok"), *made[1:]]
    assert len(only_cell([*half, *with_gaps("ft", [0.3, 0.3])]).ranked("tuned")) == 2


def test_a_refused_final_has_no_number_and_is_told():
    row = only_row("iu", "default")
    assert row.estimates["gap"].n == 2
    assert row.troubles() == ("1 of 3 refused (needs a retain set)",)


def test_failures_and_missing_steps_are_counted_against_the_plan():
    made = with_gaps("ft", [0.1, 0.1])
    made[0] = replace(made[0], status="out_of_memory", metrics={"gap": 0.0})
    row = only_cell(made, expected={(CELL, "ft", "tuned"): 5}).methods[0]
    assert row.troubles() == ("1 of 5 out of memory", "3 of 5 not run yet")
    assert row.estimates["gap"].n == 1, "a failed step's numbers count for nothing"


def test_a_flag_is_counted():
    assert only_row("ft", "default").troubles() == ("predictions unchanged (3 of 3)",)


def test_a_planned_row_without_any_record_is_shown_as_missing():
    cell = only_cell([], expected={(CELL, "ga", "tuned"): 3})
    assert [row.label for row in cell.methods] == ["ga"]
    assert table(cell).lines[-1].count == "0/3"
    assert table(cell).footnotes == (("1", "3 of 3 not run yet"),)


def only_row(label, selection):
    rows = aggregate(world())[0].methods
    return next(row for row in rows if (row.label, row.selection) == (label, selection))


def test_best_and_second_best_are_marked_within_each_selection():
    found = marks(aggregate(world())[0])
    assert found == {
        ("ugradsl_plus", "tuned"): "best",
        ("ft", "tuned"): "second",
        ("ugradsl_plus", "default"): "best",
        ("ft", "default"): "second",
    }


def test_an_incomplete_row_is_never_best_however_small_its_gap():
    made = [*with_gaps("ft", [0.001]), *with_gaps("ga", [0.2, 0.2])]
    plan = {(CELL, "ft", "tuned"): 2, (CELL, "ga", "tuned"): 2}
    assert marks(only_cell(made, expected=plan)) == {("ga", "tuned"): "best"}


def test_equal_rows_share_their_place():
    made = [*with_gaps("ft", [0.1]), *with_gaps("ga", [0.1]), *with_gaps("iu", [0.3])]
    found = marks(only_cell(made, rows=("ft", "ga", "iu")))
    assert found == {("ft", "tuned"): "best", ("ga", "tuned"): "best", ("iu", "tuned"): "second"}


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [([1.0, 2.0, 3.0], 0.25), ([1.0] * 6, 2 / 64), ([1.0, -1.0], 1.0), ([0.0, 0.0], 1.0)],
)
def test_the_sign_flip_test_counts_sign_patterns(differences, p_value):
    assert sign_flip_p(differences) == pytest.approx(p_value)


def test_the_sign_flip_test_of_many_requests_is_drawn_and_always_the_same():
    assert sign_flip_p([1.0] * 20) == sign_flip_p([1.0] * 20) < 0.001
    assert sign_flip_p([1.0, -1.0] * 10) == 1.0


def two_rows(first, second):
    return only_cell([*with_gaps("ft", first), *with_gaps("ga", second)]).methods


def test_differences_are_paired_by_request():
    rows = two_rows([0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2])
    pair = compare(*rows)
    assert pair is not None
    assert pair.difference.n == 3
    assert pair.difference.mean == pytest.approx(0.1)
    assert pair.difference.spread == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ([0.1] * 5, [0.2] * 5, "too few requests"),
        ([0.1] * 6, [0.2] * 6, "closer"),
        ([0.2] * 6, [0.1] * 6, "farther"),
        ([0.1] * 6, [0.2] * 5 + [0.05], "no significant difference"),
    ],
)
def test_a_verdict_needs_six_requests_and_a_small_p(first, second, verdict):
    pair = compare(*two_rows(first, second))
    assert pair is not None
    assert pair.verdict == verdict


def test_ugradsl_is_compared_with_ga_and_ugradsl_plus_with_ft():
    pairs = against_backbones(aggregate(world())[0], "tuned")
    assert {(pair.first.method, pair.second.label) for pair in pairs} == {
        ("ugradsl", "ga"),
        ("ugradsl_plus", "ft"),
    }


def test_the_headline_names_the_closest_row_its_gap_and_the_noise_floor():
    assert headline(aggregate(world())[0]) == (
        "Closest to Retrain: UGradSL+ (tuned), Avg. Gap 2.20 ± 0.20 points over 3 requests. "
        "Noise floor: two Retrains of one request differ by 1.33 points "
        "(95th percentile 2.00, 9 pairs)."
    )


def test_three_requests_are_said_to_be_too_few():
    said = remarks(aggregate(world())[0])
    assert said[0] == (
        "UGradSL+ takes 0.300 s, 5 % of the 6.00 s of retraining; tuning time is not included."
    )
    assert said[1] == (
        "Not significant: with 3 requests no pair of the 7 rows can reach p < 0.05 after "
        "correction; 10 requests are needed."
    )
    assert said[2] == (
        "UGradSL is 5.50 points closer than GA, which it builds on "
        "(not significant: 3 requests, 6 needed)."
    )


def test_six_requests_decide_a_planned_comparison_but_no_pair_of_a_table():
    said = remarks(aggregate(world(6))[0])
    assert said[1].startswith("Not significant: with 6 requests")
    assert (
        "UGradSL+ is 2.50 points closer than FT, which it builds on (p = 0.031, 6 requests)."
        in said
    )


def test_ten_requests_decide_all_pairs_of_seven_rows():
    cell = aggregate(world(10))[0]
    said = remarks(cell)
    assert said[1].startswith(
        "UGradSL+ is significantly closer than FT, UGradSL, UGradSL (α = −0.2), IU,"
    )
    letters = {line.name: line.letters for line in table(cell).group("tuned")}
    order = ("ugradsl_plus", "ft", "ugradsl", "ugradsl[alpha=-0.2]", "iu")
    assert [letters[name] for name in order] == ["a", "b", "c", "d", "e"]
    assert {line.letters for line in table(cell).group("reference")} == {""}
    assert table(cell).group("default")[-1].letters == "A"


def incomplete_world():
    """Ten requests; the best row lacks one, and the defaults of GA are closest of all."""
    source = world(10)
    gone = f"{CELL}:final:ugradsl_plus:tuned:3"
    kept = [
        replace(r, metrics={**r.metrics, "gap": 0.001})
        if r.id.startswith(f"{CELL}:final:ga:default")
        else r
        for r in source.records
        if r.id != gone
    ]
    return source.of(kept)


def test_rows_that_are_not_ranked_and_closer_defaults_are_named():
    cell = aggregate(incomplete_world())[0]
    said = " ".join(remarks(cell))
    assert "Not ranked, because numbers are missing: UGradSL+ (9 of 10)." in said
    assert "Defaults closer than every tuned row: GA (0.10)." in said
    assert "UGradSL+ is" not in said, "a row that is not ranked is not compared"
    line = overview(cell, judge(cell))
    assert (line.closest, line.gap) == ("FT", "5.80")
    assert (
        line.significance
        == "significantly closer than all other complete tuned rows; 1 row not ranked"
    )


def test_equal_rows_are_neither_closer_nor_farther():
    made = [*with_gaps("ga", [0.1] * 6), *with_gaps("ugradsl", [0.1] * 6)]
    cell = only_cell([*retrains(CELL, 6), *made], rows=("ga", "ugradsl"))
    assert any("is as far from Retrain as GA" in text for text in remarks(cell))


def test_a_proxy_for_the_gap_has_no_optimism():
    study = studies(aggregate(world())[0], "retrain_free")[0]
    assert study.is_proxy
    assert study.optimism is None


def test_methods_no_better_than_doing_nothing_are_named():
    idle = finals(CELL, "original", 0.05, "", 3)
    said = remarks(only_cell([*retrains(CELL, 3), *idle, *finals(CELL, "ft", 0.1, "tuned", 3)]))
    assert said[-1] == "The original (no unlearning) has Avg. Gap 5.50 ± 0.50; FT is no closer."


def test_a_warning_says_when_original_and_retrain_hardly_differ_on_the_forget_set():
    anchors = retrains(CELL, 3)
    near = only_cell([*anchors, *finals(CELL, "original", 0.015, "", 3)])
    far = only_cell([*anchors, *finals(CELL, "original", 0.2, "", 3)])
    assert "cannot rank methods" in warnings(near)[0]
    assert warnings(far) == ()


def test_no_verdict_is_given_where_the_original_is_within_the_noise():
    made = [*finals(CELL, "ft", 0.1, "tuned", 6), *finals(CELL, "ga", 0.2, "tuned", 6)]
    near, far = (finals(CELL, "original", error, "", 6) for error in (0.01, 0.2))
    blind, seeing = (remarks(only_cell([*retrains(CELL, 6), *made, *idle])) for idle in (near, far))
    assert seeing[1] == "FT is significantly closer than GA."
    assert len(blind) == 2
    assert blind[1].startswith("The original")


def test_rows_within_the_noise_floor_are_said_to_be_as_close_as_another_retrain():
    made = [*finals(CELL, "ft", 0.015, "tuned", 3), *finals(CELL, "ga", 0.2, "tuned", 3)]
    said = remarks(only_cell([*retrains(CELL, 3), *made]))
    assert said[1] == "Within the noise floor's 95th percentile: FT."


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "No step of this cell has completed."),
        (retrains(CELL, 1), "No final step of a method has completed."),
        ([record(row="ft", selection="tuned", status="error")], "No final step has metrics"),
        (
            [record(row="ft", selection="tuned", metrics={"gap": 0.1})],
            "No method has completed all of its final steps: no row is ranked.",
        ),
    ],
)
def test_a_cell_without_a_ranking_says_why(records, words):
    assert headline(only_cell(records, expected={(CELL, "ft", "tuned"): 2})).startswith(words)


def test_a_missing_retrain_is_said():
    made = [*with_gaps("ft", [0.1]), *finals(CELL, "original", 0.2, "", 1)]
    assert warnings(only_cell(made))[0].startswith("Retrain's own records are missing")
    cell = only_cell([replace(one, metrics={"ua": 0.1}) for one in made])
    assert warnings(cell)[0] == "No Retrain has completed: no gap can be computed."
    assert cell.methods[0].distances == {}


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


def test_a_single_request_and_a_single_training_are_said():
    one = only_cell(
        [*retrains(CELL, 1), *finals(CELL, "original", 0.2, "", 1), *with_gaps("ft", [0.1])]
    )
    assert warnings(one)[-1].startswith("Only one request")
    made = [replace(r, seed_train=7) for r in with_gaps("ft", [0.1, 0.2])]
    two = only_cell([*retrains(CELL, 2), *finals(CELL, "original", 0.2, "", 2), *made])
    assert warnings(two)[-1].startswith("All requests start from one original (train seed 7)")


def test_a_study_has_its_gap_in_the_search_and_in_the_final_steps():
    study = next(s for s in studies(aggregate(world())[0]) if s.row == "ft")
    assert (study.trials, study.completed, study.chosen) == (4, 3, 2)
    assert [value for _, value in study.objectives] == pytest.approx([0.08, 1.0, 0.03, 0.06])
    assert [value for _, value in study.best_so_far] == pytest.approx([0.08, 0.08, 0.03, 0.03])
    assert study.optimism == pytest.approx(0.044 - 0.03)
    assert study.seconds == pytest.approx(6.0)
    assert [study.best_of(n) for n in (1, 3, 4)] == pytest.approx([0.08, 0.03, 0.03])
    assert study.best_of(5) is None, "nobody knows what a fifth candidate would have found"


def test_a_table_prints_percent_with_the_distance_to_retrain_in_parentheses():
    text = to_markdown(table(aggregate(world())[0]))
    assert "| UGradSL+ | tuned | 25.80 ± 0.20 (2.20) |" in text
    assert "| **2.20 ± 0.20 (2.20)** |" in text
    assert "| *4.40 ± 0.40 (4.40)* |" in text
    assert "| GA<sup>1</sup> | tuned |" in text


def test_latex_has_one_booktabs_table_whose_rows_have_the_columns_of_its_head():
    text = to_latex(table(aggregate(world())[0]), 1)
    order = [
        text.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{table*}")
    ]
    assert order == sorted(order)
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "&" in line]
    assert len(rows) == 1 + 3 + 14
    assert {line.count("&") for line in rows} == {7}, "one row lacks a request: n is a column"
    assert r"\textbf{2.20}{\tiny\,$\pm$\,0.20}$^{\mathrm{a}}$" in text
    assert r"{UGradSL ($\alpha$ = $-$0.2)}" in text


def test_every_special_character_of_latex_is_escaped():
    assert latex_text(r"\&%$#_{}~^") == (
        r"\textbackslash{}\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}"
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_never_sees_a_formula(start):
    assert csv_text(f"{start}cmd|' /C calc'!A0").startswith("'" + start)


def test_csv_holds_every_line_of_every_cell_with_equally_many_fields():
    tables = [table(cell) for cell in aggregate(world())]
    rows = list(csv.reader(to_csv(tables).splitlines()))
    assert len(rows) == 1 + 2 * (3 + 14)
    assert {len(row) for row in rows} == {len(rows[0])}
    best = [row for row in rows if row[4] == "best" and row[0] == CELL]
    assert [(row[1], row[2]) for row in best] == [
        ("ugradsl_plus", "tuned"),
        ("ugradsl_plus", "default"),
    ]


def test_the_terminal_shows_every_number_in_eighty_columns():
    console = Console(width=80, record=True, file=io.StringIO())
    for part in console_table(world()):
        console.print(part)
    text = console.export_text()
    assert "UGradSL (α = −0.2)" in text
    assert "11.00 ± 1.00" in text
    assert "…" not in text


def test_the_terminal_shows_names_as_text():
    console = Console(width=80, record=True, file=io.StringIO())
    rows = ("[red]x[/red]",)
    made = [replace(one, row=rows[0]) for one in finals(CELL, "ft", 0.1, "tuned", 1)]
    for part in console_table(source([*retrains(CELL, 1), *made], rows)):
        console.print(part)
    assert console.export_text().count("[red]x[/red]") == 3, "in the table and in the words"


def test_an_unlucky_minus_is_a_minus_sign_and_no_hyphen():
    assert format_percent(-0.012, signed=True) == "−1.20"
