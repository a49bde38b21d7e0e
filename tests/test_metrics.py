"""Accuracies, distances, gaps and the one place where they become a record's numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.metrics import distances
from mubench.metrics.accuracy import accuracy, count, unlearning_accuracy
from mubench.metrics.gap import TERMS, gap, tow, tow_mia
from mubench.metrics.info import METRICS
from mubench.metrics.membership import mia_auc
from mubench.metrics.objective import components, objective_gap, retrain_free_gap
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.score import score

properties = settings(derandomize=True, deadline=None, max_examples=40)


def outputs(logits, labels, ids=None):
    logits = np.asarray(logits, np.float32)
    ids = np.arange(len(logits)) if ids is None else np.asarray(ids)
    return Outputs(ids.astype(np.int64), np.asarray(labels, np.int64), logits)


def of_probabilities(probabilities, labels):
    with np.errstate(divide="ignore"):
        return outputs(np.maximum(np.log(probabilities), -200), labels)


def drawn(seed, n=60, num_classes=4, sharpness=2.0, first_id=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, n)
    logits = rng.normal(size=(n, num_classes)) + sharpness * np.eye(num_classes)[labels]
    return outputs(logits, labels, np.arange(first_id, first_id + n))


def model(seed, sharpness=2.0):
    """Outputs of a model whose labels do not depend on the model's seed."""
    parts = {}
    for number, (name, n) in enumerate({"forget": 40, "retain": 150, "holdout": 80}.items()):
        fixed = drawn(number, n, first_id=1000 * number)
        rng = np.random.default_rng((seed, number))
        logits = rng.normal(size=(n, 4)) + sharpness * np.eye(4)[fixed.labels]
        parts[name] = outputs(logits, fixed.labels, fixed.ids)
    return Evaluated(**parts)


def class_request(evaluated, label):
    """The same model's outputs where one whole class is to be forgotten."""
    return Evaluated(
        evaluated.retain.of_classes([label]),
        evaluated.retain.without_classes([label]),
        evaluated.holdout,
    )


def shuffled(part, rng):
    return part.at(rng.permutation(len(part)))


# outputs


def test_outputs_refuse_shapes_that_do_not_fit_and_show_both():
    with pytest.raises(ValueError, match=r"ids of shape \(2,\) do not fit .* shape \(3, 4\)"):
        Outputs(np.arange(2), np.zeros(3, np.int64), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"labels of shape \(3, 1\) do not fit"):
        Outputs(np.arange(3), np.zeros((3, 1), np.int64), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"\(n, K >= 2\), got \(3,\)"):
        Outputs(np.arange(3), np.zeros(3, np.int64), np.zeros(3, np.float32))


@pytest.mark.parametrize("label", [-1, 4])
def test_outputs_refuse_a_label_that_is_no_class(label):
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 4\)"):
        outputs(np.zeros((2, 4)), [0, label])


def test_log_probabilities_stay_exact_for_logits_far_apart():
    log_q = outputs([[1000.0, 0.0, 0.0]], [0]).log_probabilities()
    np.testing.assert_allclose(log_q, [[0, -1000, -1000]], atol=1e-12)
    even = outputs([[3.0, 3.0]], [0]).log_probabilities()
    np.testing.assert_allclose(even, -math.log(2), atol=1e-15)


def test_gathering_by_id_follows_the_asked_order_and_names_the_first_absent_one():
    part = outputs(np.eye(4), [0, 1, 2, 3], ids=[40, 10, 30, 20])
    gathered = part.of_ids(np.array([20, 40]))
    assert gathered.ids.tolist() == [20, 40]
    assert gathered.labels.tolist() == [3, 0]
    assert gathered.predictions().tolist() == [3, 0]
    for absent in (25, 99, -1):
        with pytest.raises(KeyError, match=f"id {absent} is not among these 4"):
            part.of_ids(np.array([10, absent, 77]))


# accuracy


@properties
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=50))
def test_ua_is_the_count_of_wrong_answers(pairs):
    """36: UA + FA is one as integers; the oracle counts in a loop."""
    predicted, labels = zip(*pairs, strict=True)
    part = outputs(np.eye(3)[list(predicted)], labels)
    wrong = sum(p != y for p, y in pairs)
    tally = count(part)
    assert (tally.correct + wrong, tally.total) == (len(pairs), len(pairs))
    assert unlearning_accuracy(part) == wrong / len(pairs)
    assert accuracy(part) == (len(pairs) - wrong) / len(pairs)


def test_fa_and_ra_weighted_by_size_recombine_to_the_accuracy_on_train():
    """36."""
    evaluated = model(1)
    forget, retain = evaluated.forget, evaluated.retain
    train = outputs(
        np.concatenate([forget.logits, retain.logits]),
        np.concatenate([forget.labels, retain.labels]),
    )
    recombined = (1 - unlearning_accuracy(forget)) * len(forget) + accuracy(retain) * len(retain)
    assert recombined / len(train) == pytest.approx(accuracy(train), abs=1e-15)


def test_accuracy_of_nothing_raises():
    with pytest.raises(ValueError, match="no examples"):
        accuracy(outputs(np.zeros((0, 3)), []))


# distances


def test_js_of_disjoint_one_hots_is_ln_2():
    """39."""
    one, other = outputs([[300.0, -300.0]], [0]), outputs([[-300.0, 300.0]], [0])
    assert distances.js(one, other) == pytest.approx(math.log(2), abs=1e-12)
    assert distances.activation_distance(one, other) == pytest.approx(math.sqrt(2), abs=1e-12)
    assert distances.agreement(one, other) == 0


def test_kl_and_js_of_two_classes_match_values_by_hand():
    """39: r = (.5, .5) and u = (.9, .1); KL(r || u) is the 0.510826 of item 28."""
    r, u = of_probabilities([[0.5, 0.5]], [0]), of_probabilities([[0.9, 0.1]], [0])
    assert distances.kl(r, u) == pytest.approx(0.5108256238, abs=1e-7)
    assert distances.kl(u, r) == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), abs=1e-7)
    half = 0.5 * (0.5 * math.log(0.5 / 0.7) + 0.5 * math.log(0.5 / 0.3))
    half += 0.5 * (0.9 * math.log(0.9 / 0.7) + 0.1 * math.log(0.1 / 0.3))
    assert distances.js(r, u) == pytest.approx(half, abs=1e-7)
    assert distances.activation_distance(r, u) == pytest.approx(0.4 * math.sqrt(2), abs=1e-7)


@properties
@given(st.integers(0, 10**6))
def test_divergences_match_scipy_and_keep_their_laws(seed):
    """39: bounds, symmetry of JS, zero for equals, and blindness to shifts of the logits."""
    from scipy.special import rel_entr, softmax

    one = drawn(seed, 20)
    other = outputs(np.random.default_rng(seed).normal(size=(20, 4)), one.labels)
    p, q = softmax(one.logits.astype(float), axis=1), softmax(other.logits.astype(float), axis=1)
    m = (p + q) / 2
    assert distances.kl(one, other) == pytest.approx(rel_entr(p, q).sum(1).mean(), abs=1e-10)
    expected = (rel_entr(p, m) + rel_entr(q, m)).sum(1).mean() / 2
    assert distances.js(one, other) == pytest.approx(expected, abs=1e-10)
    assert 0 < distances.js(one, other) < math.log(2)
    assert distances.js(one, other) == pytest.approx(distances.js(other, one), abs=1e-14)
    assert distances.kl(one, one) == distances.js(one, one) == 0
    moved = outputs(one.logits + np.arange(20)[:, None], one.labels)
    assert distances.kl(one, moved) == pytest.approx(0, abs=1e-6)


def test_models_that_answered_different_examples_are_not_compared():
    with pytest.raises(ValueError, match=r"shape \(60, 4\) and \(59, 4\)"):
        distances.kl(drawn(0), drawn(0, 59))
    with pytest.raises(KeyError, match="id 0 is not among"):
        distances.agreement(drawn(0, first_id=5), drawn(0))


def test_entropy_of_zero_logits_is_ln_k():
    """48."""
    for num_classes in (2, 10, 100):
        part = outputs(np.zeros((3, num_classes)), [0, 1, 0])
        assert distances.entropy(part) == pytest.approx(math.log(num_classes), abs=1e-12)
    assert distances.entropy(outputs([[900.0, 0.0]], [0])) == 0


# gap


def test_gap_is_the_mean_absolute_difference_of_the_terms_that_both_have():
    ours = {"ua": 0.3, "mia_svc": 0.5, "ra": 0.9, "ta": 0.8, "gap": 99.0}
    target = {"ua": 0.1, "mia_svc": 0.1, "ra": 1.0, "ta": 0.9}
    whole = gap(ours, target)
    assert (whole.value, whole.terms) == (pytest.approx(0.2), 4)
    del target["mia_svc"]
    part = gap(ours, target)
    assert (part.value, part.terms) == (pytest.approx(0.4 / 3), 3)
    with pytest.raises(ValueError, match="no gap"):
        gap(ours, {"kl_forget": 0.0})


def test_tug_of_war_matches_the_value_by_hand():
    """37: differences .1, .2 and 0 give .9 x .8 = .72."""
    ours = {"ua": 0.2, "ra": 0.8, "ta": 0.7, "mia_svc": 0.6}
    target = {"ua": 0.1, "ra": 1.0, "ta": 0.7, "mia_svc": 0.1}
    assert tow(ours, target) == pytest.approx(0.72, abs=1e-12)
    assert tow_mia(ours, target) == pytest.approx(0.5 * 0.8, abs=1e-12)


# score


@pytest.mark.parametrize("forget_classes", [(), (2,)])
def test_every_number_of_a_score_has_an_entry_in_the_table_of_metrics(forget_classes):
    ours, target = model(1), model(2)
    if forget_classes:
        ours, target = class_request(ours, 2), class_request(target, 2)
    values = dict(score(ours, target, target, forget_classes).values)
    partial = score(ours, retrained_values={"ua": 0.1, "ra": 1.0, "ta": 0.9}).values
    assert partial["gap_terms"] == 3
    assert set(values) | set(partial) <= set(METRICS)
    assert ("ta_forget_class" in values) == bool(forget_classes)
    assert all(isinstance(value, int | float) and math.isfinite(value) for value in values.values())
    for name in ("ua", "ra", "ta", "ta_all", "mia_svc", "mia_auc", "gap", "tow", "js_forget"):
        assert name in values


def test_the_table_of_metrics_is_keyed_by_name():
    assert all(name == info.name for name, info in METRICS.items())
    assert all(info.description.endswith(".") for info in METRICS.values())


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


@pytest.mark.parametrize("forget_classes", [(), (2,)])
def test_known_values_of_retrain_change_nothing(forget_classes):
    ours, target = model(1), model(2)
    if forget_classes:
        ours, target = class_request(ours, 2), class_request(target, 2)
    whole = score(ours, target, forget_classes=forget_classes)
    known = components(target, forget_classes)
    again = score(ours, target, forget_classes=forget_classes, retrained_values=known)
    assert again == whole
    assert objective_gap(ours, known, forget_classes) == whole.values["gap"]
    own = score(target, forget_classes=forget_classes).values
    assert known == {name: own[name] for name in TERMS}


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


def test_retrain_free_gap_takes_its_targets_from_the_original():
    original, ours = model(1), model(2, sharpness=1.0)

    def right(part):
        return np.mean(part.logits.argmax(1) == part.labels)

    auc = abs(mia_auc(ours.forget, ours.holdout) - 0.5)
    same = abs(right(ours.retain) - right(original.retain))
    tested = abs(right(ours.holdout) - right(original.holdout))
    forgotten = abs(right(ours.forget) - right(original.holdout))
    expected = (forgotten + same + tested + auc) / 4
    assert retrain_free_gap(ours, original) == pytest.approx(expected, abs=1e-12)


def test_retrain_free_gap_asks_for_a_class_to_be_forgotten_whole():
    original = class_request(model(1), 2)
    perfect_forget = outputs(
        np.where(np.eye(4)[original.forget.labels] > 0, -9, original.forget.logits),
        original.forget.labels,
        original.forget.ids,
    )
    blind = original.holdout.without_classes([2])
    ours = Evaluated(perfect_forget, original.retain, blind)
    before = Evaluated(original.forget, original.retain, blind)
    assert retrain_free_gap(ours, before, (2,)) == 0
    kept = np.mean(original.forget.logits.argmax(1) == 2)
    assert retrain_free_gap(before, before, (2,)) == pytest.approx(kept / 3)
