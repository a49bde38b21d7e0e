"""Who goes on in a race, and who wins it."""

from mubench.run.tune.race import Race, promoted, select
from tests.support.stored_records import record


def test_the_defaults_go_on_and_the_best_others_by_mean_the_first_of_equals_first():
    results = {0: [0.9], 1: [0.3], 2: [0.1], 3: [0.3], 4: [0.2]}
    assert promoted(results, 4) == (0, 2, 4, 1)
    assert promoted(results, 2) == (0, 2)
    assert promoted(results, 1) == (0,)
    assert promoted({0: [0.0, 0.0], 1: [0.3, 0.1], 2: [0.1, 0.4]}, 2) == (0, 1)


def test_defaults_that_are_among_the_best_take_no_second_place():
    assert promoted({0: [0.1], 1: [0.3], 2: [0.2]}, 3) == (0, 2, 1)


def test_the_winner_has_the_best_mean_and_the_first_of_equals_wins():
    assert select({0: [0.5, 0.1], 3: [0.1, 0.2], 5: [0.2, 0.1]}) == 3


def test_a_race_knows_who_ran_on_how_many_requests_and_who_failed():
    race = Race({k: {"lr": float(k)} for k in range(3)})
    for number, value in ((0, 0.4), (1, 0.2), (2, 0.3)):
        race.note(number, record("a", metrics={"objective": value}))
    race.note(0, record("b", metrics={"objective": 0.5}))
    race.note(1, record("c", status="error", metrics={}))
    assert race.after(1) == {0: [0.4], 1: [0.2], 2: [0.3]}
    assert race.after(2) == {0: [0.4, 0.5], 1: [0.2, 1.0]}
    assert race.failed == {1}
