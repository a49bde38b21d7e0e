"""What the page answers to reviewers must be true of the records, doubts included."""

from dataclasses import replace

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.tuning import studies
from mubench.report.text.reviewer_questions import questions
from tests.support.report_world import CELLS, without_luck, world


def asked(source):
    """Answer and standing by the question's first words."""
    cells = aggregate(source)
    found = questions(source, cells, [study for cell in cells for study in studies(cell)])
    return {one.asked: (one.answer, one.standing) for one in found}


def answer(source, words):
    return next(found for question, found in asked(source).items() if words in question)


def without(source, wrong):
    return source.with_records(record for record in source.records if not wrong(record))


def test_repetitions_are_those_of_the_row_with_the_fewest_numbers():
    whole = world(6)
    assert answer(whole, "repetitions")[0].startswith(
        "Each row of a cell is a mean over at least 5 requests; originals were trained with "
        "6 seeds. Every request has its own Retrain."
    ), "one default of IU was refused"
    gone = f"{CELLS[1]}:final:ga:tuned:"
    less = without(whole, lambda r: r.id.startswith(gone) and r.seed_train > 0)
    assert "at least 1 request;" in answer(less, "repetitions")[0]


def test_a_missing_retrain_is_said_and_is_no_full_answer():
    source = without(world(6), lambda r: r.id == f"{CELLS[1]}:retrain:2:0")
    text, standing = answer(source, "repetitions")
    assert "In 1 cell a Retrain is missing." in text
    assert "Every request has its own" not in text
    assert standing == "partial"


def test_equal_budgets_are_an_answer_and_unfinished_or_missing_searches_a_doubt():
    text, standing = answer(world(), "same tuning budget")
    assert text.startswith(
        "Each search had 4 candidates, the defaults first; failed candidates count"
    )
    assert standing == "answered"
    cut = without(world(), lambda r: r.id == f"{CELLS[0]}:search:ft:3")
    text, standing = answer(cut, "same tuning budget")
    assert "(1 search not completed)" in text
    assert standing == "partial"
    none = without(world(), lambda r: r.kind == "search" and r.row == "ga")
    assert "(2 rows without a search)" in answer(none, "same tuning budget")[0]


def test_failures_of_final_and_other_steps_are_counted_apart():
    text, standing = answer(world(), "Which steps failed")
    assert text.startswith(
        "Of 90 final steps: 1 diverged and 1 refused. Of 74 other steps: 14 diverged."
    )
    assert standing == "answered"
    less = without(world(), lambda r: r.id == f"{CELLS[1]}:final:ft:tuned:0")
    text, standing = answer(less, "Which steps failed")
    assert "1 final step not run yet." in text
    assert standing == "partial"


def test_an_overlap_with_the_search_is_said():
    assert answer(world(), "tuned on reported data")[1] == "answered"
    flagged = [
        replace(r, flags=("search_overlap",)) if r.id == f"{CELLS[0]}:final:ft:tuned:0" else r
        for r in world().records
    ]
    text, standing = answer(world().with_records(flagged), "tuned on reported data")
    assert text.startswith("In 1 final step the forget set is so large that it overlaps")
    assert standing == "partial"


def test_optimism_is_the_mean_of_final_less_promised():
    """The chosen candidate promised 0.75 of a row's error; its final gap is 1.1 of it."""
    errors = (0.04, 0.1, 0.08, 0.06, 0.09, 0.05, 0.02)
    mean = 100 * 0.35 * sum(errors) / len(errors)
    text, _ = answer(world(), "between search and final")
    assert f"is +{mean:.2f} points on average over 14 studies, from +0.70 to +3.50" in text


def test_luck_in_tuning_has_its_number_and_its_share():
    """Winners have 0.75, 1.5 and 2 errors, with chances 3, 2 and 4 of 9; candidate 1 diverged."""
    factors, chances = (0.75, 1.5, 2.0), (3 / 9, 2 / 9, 4 / 9)
    mean = sum(c * f for c, f in zip(chances, factors, strict=True))
    spread = sum(c * (f - mean) ** 2 for c, f in zip(chances, factors, strict=True)) ** 0.5
    errors = (0.04, 0.1, 0.08, 0.06, 0.09, 0.05, 0.02)
    text, standing = answer(world(4), "luck")
    average = 100 * spread * sum(errors) / len(errors)
    assert f"standard deviation of {average:.2f} points on average over 14 rows" in text
    assert f"{100 * spread * max(errors):.2f} at most (GA)" in text
    # A row's gaps are its error times 1, 1.1, 1.2 and 1.3.
    share = spread**2 / (spread**2 + 0.1**2 * (5 / 3) / 4)
    assert f"that is {100 * share:.0f} % of the variance" in text
    assert standing == "answered"
    text, _ = answer(without_luck(world(4)), "luck")
    assert "0.00 at most" in text


def test_a_search_without_gaps_leaves_luck_unknown():
    bare = [
        replace(r, metrics={"objective": 0.5}) if r.kind == "search" else r for r in world().records
    ]
    text, standing = answer(world().with_records(bare), "luck")
    assert text.startswith("Unknown: the searches did not record Avg. Gap")
    assert standing == "missing"


def test_the_noise_floor_and_the_breadth_are_those_of_the_cells():
    assert "differ by 1.33 to 1.33 points" in answer(world(), "noise of Retrain")[0]
    assert answer(world(), "data sets, models")[0].startswith(
        "1 data set (digits); 1 model (small_cnn); 2"
    )


def test_nothing_is_answered_where_nothing_has_finished():
    assert asked(world().with_records(())) == {}


def test_a_declared_axis_is_asked_about_by_its_title_and_no_other_method_asks():
    assert answer(world(), "sensitive") == (
        "Rows with a value of their own: -1 and -0.2; see the curves.",
        "answered",
    )
    assert "smoothing rate" in next(asked for asked in asked(world()) if "sensitive" in asked)
    plain = replace(world(), rows=("ft", "ga"))
    assert not any("sensitive" in question for question in asked(plain))
