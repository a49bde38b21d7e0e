"""Ids cover all that decides a result and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.catalogue import ids
from mubench.sweep import step_ids
from mubench.sweep.kinds import ORIGINAL
from tests.support.plans import BASE, label_of, planned, steps_of
from tests.support.small_sweep import SWEEP, changed


def ids_of(plan, *kinds, **where):
    return {step.id for step in steps_of(plan, *kinds, **where)}


def by_title(plan):
    return {step.title: step.id for step in plan.steps.values()}


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
    "checkpoints": ({"checkpoint": "off"}, set()),
    "frequent checkpoints": ({"checkpoint": "2s"}, set()),
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


def test_tf32_is_part_of_every_id_on_a_gpu_and_of_none_on_a_cpu():
    asked = changed(SWEEP, tf32=True)
    assert planned(asked).steps.keys() == BASE.steps.keys()
    assert kinds_that_change(planned(SWEEP, "cuda"), planned(asked, "cuda")) == set(ALL)


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
        assert after.studies[key].rounds[0][:3] == study.rounds[0]
        assert len(after.studies[key].rounds[0]) == 5


def test_another_search_request_keeps_what_ran_on_the_first():
    seeds = {"train": [100, 101], "forget": [100, 101], "pair": "product"}
    more = changed(SWEEP, seeds__search=seeds)
    one, two = planned(more), planned(changed(more, search__trials=5))
    for key, study in BASE.studies.items():
        assert one.studies[key].rounds[0] == study.rounds[0]
        assert not set(one.studies[key].rounds[1]) & set(two.studies[key].rounds[1])


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


def test_another_label_is_another_row_with_candidates_of_its_own():
    """Records carry the label, and the seeds of candidates are made of it."""
    one, two = (
        planned(changed(SWEEP, methods={"ga": [{"label": label}]})) for label in ("one", "two")
    )
    assert not one.studies.keys() & two.studies.keys()
    shared = one.steps.keys() & two.steps.keys()
    assert {one.steps[key].kind for key in shared} == {"train", "retrain", "final"}
    assert {one.steps[key].label for key in shared if one.steps[key].kind == "final"} == {ORIGINAL}
