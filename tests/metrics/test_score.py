"""Scores: the one place where metrics become a record's numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.metrics import distances
from mubench.metrics.gap import TERMS
from mubench.metrics.objective import components
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.score import score
from tests.support.membership import shuffled
from tests.support.model_outputs import class_request, model, outputs
from tests.support.property_tests import properties


def group_outputs(ids, labels, groups, right):
    logits = np.zeros((len(ids), 2), np.float32)
    answers = np.where(right, labels, 1 - np.asarray(labels))
    logits[np.arange(len(ids)), answers] = 3
    return Outputs(np.asarray(ids), np.asarray(labels), logits, np.asarray(groups))


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_test_accuracies_of_a_forgotten_group_are_those_of_its_examples():
    """Four test examples of each group, of which so many are answered rightly: by hand."""
    right = {0: [1, 0, 0, 0], 1: [1, 1, 1, 1], 2: [1, 1, 0, 1], 3: [0, 1, 1, 1]}
    groups = np.repeat([0, 1, 2, 3], 4)
    holdout = group_outputs(
        np.arange(16), groups % 2, groups, np.concatenate([right[g] for g in range(4)]).astype(bool)
    )
    forget = group_outputs([20, 21, 22], [0, 0, 0], [0, 0, 0], np.array([True, False, True]))
    retain = group_outputs(np.arange(30, 42), groups[4:] % 2, groups[4:], np.ones(12, bool))
    values = score(Evaluated(forget, retain, holdout), forget_groups=(0,)).values
    assert values["ta"] == pytest.approx(10 / 12)
    assert values["ta_all"] == pytest.approx(11 / 16)
    assert values["ta_forget_group"] == pytest.approx(1 / 4)
    assert values["ta_adjacent"] == pytest.approx(3 / 4), "group 2, the sibling in class 0"
    plain = score(Evaluated(forget, retain, holdout)).values
    assert plain["ta"] == plain["ta_all"] == pytest.approx(11 / 16)
    assert not {"ta_adjacent", "ta_forget_group"} & plain.keys()


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_siblings_of_a_group_are_found_by_true_labels():
    """D_f's labels may be flipped: its class is that of held-out examples of its group."""
    groups = np.repeat([0, 1, 2, 3], 4)
    right = np.ones(16, bool)
    right[:8] = False
    holdout = group_outputs(np.arange(16), groups % 2, groups, right)
    forget = group_outputs([20, 21], [0, 1], [0, 0], np.array([True, True]))
    retain = group_outputs(np.arange(30, 42), groups[4:] % 2, groups[4:], np.ones(12, bool))
    values = score(Evaluated(forget, retain, holdout), forget_groups=(0,)).values
    assert values["ta_adjacent"] == 1, "group 2 alone; with group 1 it would be a half"


def test_retrain_against_itself_is_perfect():
    """37."""
    values = score(model(3), model(3)).values
    assert values["gap"] == values["kl_forget"] == values["js_forget"] == 0
    assert values["activation_distance_forget"] == 0
    assert values["tow"] == values["tow_mia"] == 1
    assert values["agreement_forget"] == values["agreement_holdout"] == 1


def test_gap_of_a_score_is_that_of_the_values_beside_it():
    values = score(model(1), model(2)).values
    by_hand = [abs(values[name] - values[f"retrain_{name}"]) for name in TERMS]
    assert values["gap"] == pytest.approx(sum(by_hand) / 4)
    alone = score(model(2)).values
    assert all(values[f"retrain_{name}"] == alone[name] for name in TERMS)


def test_distances_of_a_score_are_taken_from_retrain_on_the_set_in_their_name():
    ours, target = model(1), model(2)
    values = score(ours, target).values
    assert values["kl_forget"] == distances.kl(target.forget, ours.forget)
    assert values["kl_forget"] != distances.kl(ours.forget, target.forget)
    for name, theirs, mine in (
        ("agreement_forget", target.forget, ours.forget),
        ("agreement_holdout", target.holdout, ours.holdout),
    ):
        assert values[name] == np.mean(theirs.logits.argmax(1) == mine.logits.argmax(1))
    assert values["agreement_forget"] != values["agreement_holdout"]


@properties
@given(st.integers(0, 10**6))
def test_a_score_ignores_the_order_of_examples(seed):
    rng = np.random.default_rng(seed)
    ours, target = model(1), model(2)
    mixed = Evaluated(*(shuffled(p, rng) for p in (ours.forget, ours.retain, ours.holdout)))
    one, other = score(ours, target, target), score(mixed, target, target)
    assert one.flags == other.flags
    assert one.values == pytest.approx(dict(other.values), abs=1e-12)


def test_class_scenario_judges_ta_on_retained_classes_only():
    """A model that always answers 0 while class 0 is forgotten."""
    labels = np.repeat([0, 1, 2], 20)
    answers = outputs(np.tile([5.0, 0.0, 0.0], (60, 1)), labels)
    request = Evaluated(answers.of_classes([0]), answers.without_classes([0]), answers)
    values = score(request, forget_classes=(0,)).values
    assert (values["ua"], values["ra"], values["ta"]) == (0, 0, 0)
    assert values["ta_forget_class"] == 1
    assert values["ta_all"] == pytest.approx(1 / 3)


def test_class_scenario_hides_the_forgotten_class_from_the_svc_attack():
    """Held-out examples of the forgotten class must not change MIA, whatever their logits."""
    request = class_request(model(1), 2)
    spoilt = request.holdout.logits.copy()
    spoilt[request.holdout.labels == 2] = [9, 9, -9, 9]
    other = Evaluated(
        request.forget, request.retain, outputs(spoilt, request.holdout.labels, request.holdout.ids)
    )
    before, after = score(request, forget_classes=(2,)), score(other, forget_classes=(2,))
    for name in ("mia_svc", "mia_svc_attack_accuracy", "ta"):
        assert before.values[name] == after.values[name]
    assert before.values["mia_auc"] != after.values["mia_auc"]


def test_metrics_without_meaning_are_absent():
    request = class_request(model(1), 2)
    blind = Evaluated(request.forget, request.retain, request.holdout.without_classes([2]))
    values = score(blind, forget_classes=(2,)).values
    assert not {"mia_auc", "ta_forget_class", "gap", "kl_forget"} & set(values)


def test_unchanged_predictions_are_flagged_and_one_changed_is_not():
    original = model(1)
    doubled = Evaluated(
        *(
            outputs(2 * part.logits, part.labels, part.ids)
            for part in (original.forget, original.retain, original.holdout)
        )
    )
    assert "predictions unchanged" in score(doubled, original=original).flags
    assert "predictions unchanged" not in score(doubled).flags
    for name in ("forget", "retain", "holdout"):
        parts = {n: getattr(original, n) for n in ("forget", "retain", "holdout")}
        logits = parts[name].logits.copy()
        logits[7] = np.roll(logits[7], 1)
        parts[name] = outputs(logits, parts[name].labels, parts[name].ids)
        assert "predictions unchanged" not in score(Evaluated(**parts), original=original).flags


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["forget", "retain", "holdout"])
def test_non_finite_logits_raise_and_name_the_example(name, bad):
    good = model(1)
    part = getattr(good, name)
    logits = part.logits.copy()
    logits[3, 1] = bad
    parts = {n: getattr(good, n) for n in ("forget", "retain", "holdout")}
    broken = Evaluated(**parts | {name: outputs(logits, part.labels, part.ids)})
    for compute in (score, components):
        with pytest.raises(ValueError, match=f"1 of .* non-finite logits.* id {part.ids[3]}"):
            compute(broken)


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_corrected_accuracy_counts_true_labels_of_wrong_ones_wherever_they_are():
    """Of D_f's three wrong labels one is answered truly, of D_r's two both: 3 of 5."""
    plain = model(1)
    parts = {}
    for name, answered in {"forget": [1, 0, 0], "retain": [1, 1]}.items():
        part = getattr(plain, name)
        true, logits = part.labels.copy(), part.logits.copy()
        for row, is_true in enumerate(answered):
            true[row] = (part.labels[row] + 1) % 4
            logits[row] = 9.0 * np.eye(4)[true[row] if is_true else part.labels[row]]
        parts[name] = replace(part, true_labels=true, logits=logits)
    values = score(replace(plain, **parts)).values
    assert values["corrected_accuracy"] == pytest.approx(3 / 5)
    alone = replace(plain, retain=parts["retain"])
    assert score(alone).values["corrected_accuracy"] == 1
    assert "corrected_accuracy" not in score(plain).values
    right = replace(plain.forget, true_labels=plain.forget.labels)
    assert "corrected_accuracy" not in score(replace(plain, forget=right)).values


@pytest.mark.usefixtures("plain_environment", "cache_dir")
def test_a_triggers_success_leaves_out_images_of_its_class():
    plain = model(1)
    fooled = np.array([1] * 9 + [0] * 27 + [-1] * 44)
    found = score(replace(plain, holdout=replace(plain.holdout, fooled=fooled))).values
    assert found["trigger_success"] == pytest.approx(9 / 36)
    all_of_it = replace(plain.holdout, fooled=np.full(80, -1))
    for other in (plain, replace(plain, holdout=all_of_it)):
        assert "trigger_success" not in score(other).values
