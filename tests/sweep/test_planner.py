"""Which steps a sweep has, and what they wait for."""

from itertools import chain, pairwise

import pytest

from mubench.catalogue import cards
from mubench.sweep.steps import refusal_of
from tests.support.plans import BASE, label_of, planned, steps_of
from tests.support.small_sweep import SWEEP, changed


def test_a_small_sweep_has_the_steps_that_a_hand_counts():
    # Search requests: 1 random and 1 class, one train seed (100): 1 original, 2 Retrains.
    assert len(steps_of(BASE, "train", purpose="search")) == 1
    assert len(steps_of(BASE, "retrain", purpose="search")) == 2
    # Final requests: 2 random and 2 class, train seeds 0 and 1: 2 originals, 4 Retrains and as
    # many again for the floor.
    assert len(steps_of(BASE, "train", purpose="final")) == 2
    assert len(steps_of(BASE, "retrain", purpose="final", replica=0)) == 4
    assert len(steps_of(BASE, "retrain", purpose="final", replica=1)) == 4
    # 4 rows, 2 cells, 3 candidates, 1 search request each.
    assert len(steps_of(BASE, "search")) == 4 * 2 * 3
    assert len(BASE.studies) == 4 * 2
    # Per final request: original, and each row by default and tuned.
    assert len(steps_of(BASE, "final")) == 4 * (1 + 2 * 4)
    assert len(BASE.steps) == 1 + 2 + 2 + 4 + 4 + 24 + 36
    assert BASE.cells == (
        "digits[flip_labels=0.2]/small_cnn/random-0.1",
        "digits[flip_labels=0.2]/small_cnn/class",
    )
    assert BASE.rows == ("original", "ft", "ga", "ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]")


def test_originals_have_the_seed_and_purpose_of_the_steps_that_start_from_them():
    by_id = BASE.steps
    for step in steps_of(BASE, "search", "final"):
        original = next(by_id[need] for need in step.needs if by_id[need].kind == "train")
        retrain = next(by_id[need] for need in step.needs if by_id[need].kind == "retrain")
        assert original.training == step.training
        assert retrain.request == step.request
        assert retrain.replica == 0


def test_no_search_step_rests_on_anything_that_is_reported():
    for step in steps_of(BASE, "search"):
        assert step.training.purpose == "search"
        waiting = list(step.needs)
        while waiting:
            need = BASE.steps[waiting.pop()]
            assert need.training.purpose == "search"
            assert need.training.seed == 100
            waiting.extend(need.needs)


def test_the_same_seed_is_another_original_where_it_is_searched_on():
    """Of a final one test outputs are stored; a search of another sweep must not find them."""
    other = planned(changed(SWEEP, seeds__search__train=[0], seeds__final__train=[100, 101]))
    searched, reported = (
        {s.unlearn_id for s in steps_of(plan, "train", "retrain", purpose=purpose, seed_train=0)}
        for plan, purpose in ((other, "search"), (BASE, "final"))
    )
    assert searched
    assert searched.isdisjoint(reported)


def test_search_and_final_requests_share_no_seed_and_no_class():
    searched = [step.request for step in steps_of(BASE, "search")]
    reported = [step.request for step in steps_of(BASE, "final")]
    assert not {r.training.seed for r in searched} & {r.training.seed for r in reported}
    assert not {r.seed_forget for r in searched if not r.classes} & {
        r.seed_forget for r in reported if not r.classes
    }
    assert not {c for r in searched for c in r.classes} & {c for r in reported for c in r.classes}


def test_a_tuned_step_waits_for_every_candidate_of_its_study_and_a_default_step_for_none():
    for step in steps_of(BASE, "final", selection="tuned"):
        study = step.study
        assert study == BASE.studies[study.id]
        assert study.cell == step.request.cell
        assert set(step.needs) >= set(study.rounds[-1])
        assert searched_before(BASE, step.id) == set(chain.from_iterable(study.rounds))
    for step in steps_of(BASE, "final", selection="default"):
        assert not any(BASE.steps[need].kind == "search" for need in step.needs)


@pytest.mark.parametrize("lag", [1, 2, 3, 7])
def test_candidate_k_rests_on_all_candidates_up_to_k_minus_lag_and_on_no_later_one(lag):
    plan = planned(changed(SWEEP, search={"trials": 9, "lag": lag}))
    for study in plan.studies.values():
        for k, key in enumerate(study.rounds[0]):
            before = {plan.steps[each].place for each in searched_before(plan, key)}
            assert before == set(range(max(0, k - lag + 1)))


def searched_before(plan, key):
    """The search steps that must be completed before a step."""
    found, waiting = set(), [key]
    while waiting:
        needs = plan.steps[waiting.pop()].needs
        before = {need for need in needs if plan.steps[need].kind == "search"} - found
        found |= before
        waiting += before
    return found


@pytest.mark.parametrize(
    ("keep", "places"), [(0.5, [8, 4, 2, 2]), (1, [8] * 4), (0.1, [8, 2, 2, 2])]
)
def test_fewer_candidates_run_on_each_further_request_when_all_have_run_on_the_last(keep, places):
    seeds = {"train": [100, 101], "forget": [100, 101], "pair": "product"}
    grid = changed(SWEEP, grid__forget=[{"scenario": "random", "ratio": 0.1}])
    search = {"trials": 8, "keep": keep, "repeats": 2}
    plan = planned(changed(grid, seeds__search=seeds, search=search))
    assert len(plan.studies) == 2 * 4
    for study in plan.studies.values():
        assert [len(steps) for steps in study.rounds] == places
        requests = [{plan.steps[key].request.name for key in steps} for steps in study.rounds]
        assert [len(names) for names in requests] == [1] * 4
        assert len(set.union(*requests)) == 4
        for before, steps in pairwise(study.rounds):
            assert all(set(plan.steps[key].needs) >= set(before) for key in steps)


def with_refusal(monkeypatch, method, refuses):
    real = cards.method

    def card(name, where="methods"):
        found = real(name, where)
        return found.model_copy(update={"refuses": refuses}) if name == method else found

    monkeypatch.setattr(cards, "method", card)


def test_what_a_method_refuses_is_planned_as_refused_and_not_searched(monkeypatch):
    with_refusal(monkeypatch, "ga", {"class": "it has no business there"})
    plan = planned(SWEEP)
    refused = [s for s in plan.steps.values() if refusal_of(s)]
    assert {(s.label, s.request.forget.label, s.selection) for s in refused} == {
        ("ga", "class", "default")
    }
    assert {s.refusal for s in refused} == {"it has no business there"}
    assert len(refused) == 2
    assert not [s for s in steps_of(plan, "search", label="ga") if s.request.classes]
    assert [s for s in steps_of(plan, "search", label="ga") if not s.request.classes]
    others = {key for key, step in BASE.steps.items() if label_of(step) != "ga"}
    assert others <= plan.steps.keys()


@pytest.mark.parametrize(
    ("forget", "refused"),
    [
        ({"scenario": "class", "search_classes": [9], "final_classes": [0, 1]}, False),
        ({"scenario": "class", "search_classes": [9], "final_classes": [0, 1], "parts": 2}, True),
        ({"scenario": "corrupted", "discovered": 0.5}, True),
    ],
)
def test_a_method_for_whole_classes_is_asked_for_no_part_of_one(forget, refused):
    plan = planned(changed(SWEEP, grid__forget=[forget], methods={"boundary_shrink": {}}))
    finals = [s for s in plan.steps.values() if s.kind == "final" and s.row is not None]
    assert finals
    assert all(bool(step.refusal) is refused for step in finals)


def test_a_refusal_that_is_lifted_makes_the_step_due_again(monkeypatch):
    with_refusal(monkeypatch, "ga", {"class": "it has no business there"})
    refused = {key for key, step in planned(SWEEP).steps.items() if refusal_of(step)}
    assert refused.isdisjoint(BASE.steps)


def test_a_method_with_nothing_to_search_has_no_study():
    fixed = dict.fromkeys(("learning_rate", "epochs", "batch_size"), 1) | {"learning_rate": 0.1}
    plan = planned(changed(SWEEP, methods={"ft": fixed}))
    assert not plan.studies
    assert {s.selection for s in steps_of(plan, "final")} == {None, "default"}


def test_trainings_record_the_precision_of_their_recipe():
    plan = planned(changed(SWEEP, precision="bfloat16"))
    assert {s.execution.precision for s in steps_of(plan, "train", "retrain")} == {"float32"}
    assert {s.execution.precision for s in steps_of(plan, "search", "final")} == {"bfloat16"}


@pytest.mark.parametrize(
    ("search", "lag"),
    [
        ({}, 1),
        ({"parallel": 4}, 1),  # four searches, one candidate of each
        ({"parallel": 5}, 2),
        ({"parallel": 100}, 8),  # no more than there are candidates
        ({"parallel": 100, "lag": 3}, 3),
    ],
)
def test_as_many_candidates_run_at_a_time_as_keep_the_workers_busy(search, lag):
    grid = {
        **SWEEP["grid"],
        "forget": [{"scenario": "random", "ratio": 0.1}, {"scenario": "random", "ratio": 0.2}],
    }
    plan = planned(
        changed(SWEEP, grid=grid, methods={"ft": {}, "ugradsl": {}}, search={"trials": 8, **search})
    )
    assert len(plan.studies) == 4
    assert {study.lag for study in plan.studies.values()} == {lag}


def test_the_same_lag_gives_the_same_ids_however_it_was_asked_for():
    asked = [{"trials": 8, "lag": 2}, {"trials": 8, "parallel": 4}, {"trials": 8, "parallel": 3}]
    one_cell = changed(SWEEP, grid__forget=[{"scenario": "random", "ratio": 0.1}])
    ids = [
        list(planned(changed(one_cell, methods={"ft": {}, "ugradsl": {}}, search=search)).steps)
        for search in asked
    ]
    assert ids[0] == ids[1] == ids[2]
