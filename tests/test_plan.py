"""A plan's ids cover all that decides a result and nothing else; its steps stand in order."""

from itertools import combinations

import pytest
from conftest import SWEEP, changed
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.catalogue import cards, ids
from mubench.sweep import load, step_ids
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import refusal_of


def planned(node, device="cpu"):
    return make_plan(load.parse(node, "x"), device)


def steps_of(plan, *kinds, **where):
    return [
        step
        for step in plan.steps.values()
        if step.kind in kinds and all(value_of(step, key) == value for key, value in where.items())
    ]


def value_of(step, key):
    """A fact about a step; those of its training are meant too."""
    if key in ("purpose", "seed_train"):
        return getattr(step.training, key.removesuffix("_train"))
    return getattr(step, key)


def label_of(step):
    """The row of the results table, if a step has one."""
    return getattr(step, "label", "")


def ids_of(plan, *kinds, **where):
    return {step.id for step in steps_of(plan, *kinds, **where)}


def by_title(plan):
    return {step.title: step.id for step in plan.steps.values()}


BASE = planned(SWEEP)


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


def test_expected_counts_the_final_records_of_each_cell_row_and_selection():
    cell = BASE.cells[0]
    expected = BASE.expected()
    assert expected[cell, "original", ""] == 2
    assert expected[cell, "ft", "default"] == 2
    assert expected[cell, "ft", "tuned"] == 2
    assert sum(expected.values()) == 36


def test_a_step_is_stored_under_its_own_id_and_needs_steps_that_stand_before_it():
    seen = set()
    for key, step in BASE.steps.items():
        assert key == step.id
        assert seen.issuperset(step.needs)
        seen.add(key)


def test_references_of_a_step_are_among_its_needs():
    made = {step.unlearn_id: step.id for step in steps_of(BASE, "train", "retrain")}
    for step in steps_of(BASE, "search", "final"):
        assert made[step.train_id] in step.needs
        assert made[step.retrain_id] in step.needs
    for step in steps_of(BASE, "retrain", replica=1):
        assert made[step.retrain_id] in step.needs


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
        assert set(step.needs) >= {key for group in study.steps for key in group}
    for step in steps_of(BASE, "final", selection="default"):
        assert not any(BASE.steps[need].kind == "search" for need in step.needs)


@pytest.mark.parametrize("lag", [1, 2, 3, 7])
def test_candidate_k_rests_on_all_candidates_up_to_k_minus_lag_and_on_no_later_one(lag):
    plan = planned(changed(SWEEP, search={"trials": 9, "lag": lag}))
    for study in plan.studies.values():
        for k, group in enumerate(study.steps):
            found, waiting = set(), list(group)
            while waiting:
                needs = plan.steps[waiting.pop()].needs
                before = [plan.steps[n] for n in needs if plan.steps[n].kind == "search"]
                found |= {step.candidate for step in before}
                waiting += [step.id for step in before]
            assert found == set(range(max(0, k - lag + 1)))


def test_a_study_runs_each_candidate_on_every_search_request():
    seeds = {"search": {"train": [100, 101], "forget": [100, 101], "pair": "product"}}
    grid = changed(SWEEP, grid__forget=[{"scenario": "random", "ratio": 0.1}])
    plan = planned(changed(grid, seeds__search=seeds["search"]))
    for study in plan.studies.values():
        assert [len(group) for group in study.steps] == [4, 4, 4]
        for group in study.steps:
            assert len({plan.steps[key].request.name for key in group}) == 4


def shuffled(node, rng):
    if isinstance(node, dict):
        keys = list(node)
        rng.shuffle(keys)
        return {key: shuffled(node[key], rng) for key in keys}
    return [shuffled(value, rng) for value in node] if isinstance(node, list) else node


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_ids_ignore_the_order_of_yaml_keys(rng):
    node = changed(SWEEP, methods__ugradsl={"alpha": [-0.2, -1.0], "epochs": [1, 2]})
    other = shuffled(node, rng)
    # The methods are the rows: their order is that of the file, and only their order may differ.
    assert planned(other).steps.keys() == planned(node).steps.keys()


ALL = ("train", "retrain", "search", "tuned", "default", "original")


def kinds_that_change(before, after):
    """Of which kinds of step no id is left; each kind must change as a whole or not at all."""
    changed_kinds = set()
    for kind in ALL:
        if kind in ("train", "retrain", "search"):
            old, new = ids_of(before, kind), ids_of(after, kind)
        else:
            where = {"selection": None if kind == "original" else kind}
            old, new = ids_of(before, "final", **where), ids_of(after, "final", **where)
        assert old
        if old.isdisjoint(new):
            changed_kinds.add(kind)
        else:
            assert old <= new, kind
    return changed_kinds


DECISIVE = {
    "label noise": ({"grid__dataset": [{"name": "digits", "flip_labels": 0.1}]}, set(ALL)),
    "learning rate of the recipe": ({"training": {"learning_rate": 0.02}}, set(ALL)),
    "epochs of the recipe": ({"training": {"epochs": 7}}, set(ALL)),
    "precision of the recipe": ({"training": {"precision": "bfloat16"}}, set(ALL)),
    "threads of a training": ({"resources": {"train": {"cpu": 2}}}, set(ALL)),
    "precision of unlearning": ({"precision": "bfloat16"}, {"search", "tuned", "default"}),
    "threads of a search step": ({"resources": {"search": {"cpu": 2}}}, {"search", "tuned"}),
    "threads of a final step": ({"resources": {"final": {"cpu": 2}}}, {"tuned", "default"}),
    "objective": ({"search__objective": "retrain_free"}, {"search", "tuned"}),
    "sampler": ({"search__sampler": "random"}, {"search", "tuned"}),
    "random start of the sampler": ({"search__startup": 2}, {"search", "tuned"}),
    "lag": ({"search__lag": 2}, {"search", "tuned"}),
    "budget": ({"search__trials": 5}, {"tuned"}),
    "shared range": (
        {"shared": {"learning_rate": {"log": [1e-5, 0.05]}}},
        {"search", "tuned"},
    ),
    "shared range without the defaults": (
        {"shared": {"learning_rate": {"log": [0.02, 0.05]}}},
        {"search", "tuned", "default"},
    ),
    "shared value": ({"shared": {"momentum": 0.5}}, {"search", "tuned", "default"}),
    "search seed": ({"seeds__search__train": [99]}, {"search", "tuned"}),
    "name of the sweep": ({"name": "other"}, set()),
    "time limit": ({"limits": {"search": 5}}, set()),
    "half a processor": ({"resources": {"search": {"cpu": 0.5}}}, set()),
    "noise floor": ({"floor": 2}, set()),
    "more final seeds": ({"seeds__final": {"train": [0, 1, 2], "forget": [0, 1, 2]}}, None),
    "another method": ({"methods__iu": {}}, set()),
    "another ratio": (
        {
            "grid__forget": [
                {"scenario": "random", "ratio": [0.1, 0.3]},
                {"scenario": "class", "search_classes": [9], "final_classes": [0, 1]},
            ]
        },
        set(),
    ),
}


@pytest.mark.parametrize("case", list(DECISIVE))
def test_exactly_the_ids_change_that_a_value_decides(case):
    changes, expected = DECISIVE[case]
    node = changed(SWEEP, **changes)
    if case == "more final seeds":
        node = changed(
            node,
            grid__forget=[
                {"scenario": "random", "ratio": 0.1},
                {"scenario": "class", "search_classes": [9], "final_classes": [0, 1, 2]},
            ],
        )
        assert BASE.steps.keys() < planned(node).steps.keys()
        return
    if case == "search seed":  # the other trainings stay
        after = planned(node)
        assert ids_of(BASE, "train", purpose="final") <= ids_of(after, "train", purpose="final")
        assert ids_of(BASE, "train", purpose="search").isdisjoint(ids_of(after, "train"))
        assert ids_of(BASE, "search").isdisjoint(ids_of(after, "search"))
        assert ids_of(BASE, "final", selection="tuned").isdisjoint(ids_of(after, "final"))
        assert ids_of(BASE, "final", selection="default") <= ids_of(after, "final")
        return
    assert kinds_that_change(BASE, planned(node)) == expected


def test_the_device_is_part_of_every_id():
    assert kinds_that_change(BASE, planned(SWEEP, "cuda")) == set(ALL)


def test_a_value_of_one_method_changes_the_ids_of_that_method_alone():
    after = planned(changed(SWEEP, methods__ga={"learning_rate": 0.001}))
    gone = [BASE.steps[key] for key in BASE.steps.keys() - after.steps.keys()]
    assert {label_of(step) for step in gone} == {"ga"}
    assert len(gone) == len([s for s in BASE.steps.values() if label_of(s) == "ga"])


def test_a_grid_value_that_is_added_keeps_the_other_rows():
    after = planned(changed(SWEEP, methods__ugradsl={"alpha": [0.0, -0.2, -1.0]}))
    assert BASE.steps.keys() < after.steps.keys()


def test_more_candidates_extend_a_study():
    after = planned(changed(SWEEP, search__trials=5))
    for key, study in BASE.studies.items():
        assert after.studies[key].steps[:3] == study.steps
        assert len(after.studies[key].steps) == 5


@settings(max_examples=10)
@given(
    st.lists(
        st.sampled_from(["ft", "ga", "iu", "ugradsl", "ugradsl_plus", "neggrad_plus"]),
        min_size=1,
        unique=True,
    )
)
def test_what_stands_beside_a_method_does_not_change_its_ids(names):
    whole = planned(changed(SWEEP, methods={name: {} for name in names}))
    for name in names:
        alone = planned(changed(SWEEP, methods={name: {}}))
        assert alone.steps.keys() <= whole.steps.keys()


def test_ids_are_distinct_where_anything_about_a_step_is():
    facts = {(s.kind, s.title, s.training.purpose) for s in BASE.steps.values()}
    assert len(facts) == len(BASE.steps)
    unlearned = [s.unlearn_id for s in BASE.steps.values()]
    assert len(set(unlearned)) == len(unlearned)


def edit_source(monkeypatch, module):
    """Plan as if the code of one module were another."""

    def edited(*roots):
        mark = ["edited"] if module in {used.module for used in ids.closure(*roots)} else []
        return ids.content_id(sorted(roots), mark)

    monkeypatch.setattr(step_ids, "source_id", edited)


def by_unlearn_title(plan):
    return {step.title: step.unlearn_id for step in plan.steps.values()}


def titles_that_change(before, after):
    return {title for title, key in before.items() if after[title] != key}


@pytest.fixture
def unedited(monkeypatch):
    edit_source(monkeypatch, "none")
    return planned(SWEEP)


def test_another_metric_scores_again_and_runs_nothing_again(monkeypatch, unedited):
    edit_source(monkeypatch, "mubench.metrics.score")
    after = planned(SWEEP)
    assert titles_that_change(by_unlearn_title(unedited), by_unlearn_title(after)) == set()
    scored = {s.title for s in unedited.steps.values() if s.kind in ("retrain", "final")}
    assert titles_that_change(by_title(unedited), by_title(after)) == scored


def test_another_objective_searches_again_and_trains_nothing_again(monkeypatch, unedited):
    edit_source(monkeypatch, "mubench.metrics.objective")
    after = planned(SWEEP)
    searched = {
        s.title
        for s in unedited.steps.values()
        if s.kind == "search" or (s.kind == "final" and s.selection == "tuned")
    }
    changed_titles = titles_that_change(by_unlearn_title(unedited), by_unlearn_title(after))
    assert changed_titles == searched


@pytest.mark.parametrize(
    ("module", "rows"),
    [
        ("mubench.methods.ft", {"ft"}),
        ("mubench.methods.ga", {"ga"}),
        ("mubench.methods.ugradsl", {"ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]"}),
        ("mubench.methods.base", {"ft", "ga", "ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]"}),
    ],
)
def test_the_code_of_a_method_decides_its_own_steps_alone(monkeypatch, unedited, module, rows):
    edit_source(monkeypatch, module)
    after = planned(SWEEP)
    expected = {s.title for s in unedited.steps.values() if label_of(s) in rows}
    assert titles_that_change(by_unlearn_title(unedited), by_unlearn_title(after)) == expected


def test_the_code_of_the_training_loop_decides_everything(monkeypatch, unedited):
    edit_source(monkeypatch, "mubench.models.training.descent")
    after = planned(SWEEP)
    assert titles_that_change(by_title(unedited), by_title(after)) == set(by_title(unedited))


def test_the_scenario_code_leaves_the_originals(monkeypatch, unedited):
    edit_source(monkeypatch, "mubench.data.forget_sets")
    after = planned(SWEEP)
    gone = titles_that_change(by_unlearn_title(unedited), by_unlearn_title(after))
    assert {s.kind for s in unedited.steps.values() if s.title in gone} == {
        "retrain",
        "search",
        "final",
    }
    assert all(s.title not in gone for s in steps_of(unedited, "train"))


@pytest.mark.parametrize(
    ("package", "kinds"), [("torch", set(ALL)), ("optuna", {"search", "tuned"})]
)
def test_the_version_of_what_computes_is_part_of_the_ids(monkeypatch, package, kinds):
    real = ids.package_version

    def version(name):
        return "0.0" if name == package else real(name)

    monkeypatch.setattr(step_ids, "package_version", version)
    assert kinds_that_change(BASE, planned(SWEEP)) == kinds


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


def test_titles_are_short_and_tell_steps_of_a_kind_apart():
    titles = [step.title for step in BASE.steps.values()]
    for one, other in combinations(titles, 2):
        assert one != other
