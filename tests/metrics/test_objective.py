"""Objectives of a search: their parts, and targets from the original."""

import numpy as np
import pytest

from mubench.metrics.gap import COMPARED, FORMS
from mubench.metrics.membership import mia_auc
from mubench.metrics.objective import components, retrain_free_gap, search_values
from mubench.metrics.outputs import Evaluated
from mubench.metrics.score import score
from tests.support.model_outputs import class_request, model, outputs


@pytest.mark.parametrize("forget_classes", [(), (2,)])
def test_known_values_of_retrain_change_nothing(forget_classes):
    ours, target = model(1), model(2)
    if forget_classes:
        ours, target = class_request(ours, 2), class_request(target, 2)
    whole = score(ours, target, forget_classes=forget_classes)
    known = components(target, forget_classes)
    again = score(ours, target, forget_classes=forget_classes, retrained_values=known)
    assert again == whole
    own = score(target, forget_classes=forget_classes).values
    assert known == {name: own[name] for name in COMPARED}


@pytest.mark.parametrize("forget_classes", [(), (2,)])
def test_a_search_records_what_a_score_would_and_minimises_what_it_is_told_to(forget_classes):
    ours, target, original = model(1), model(2), model(3)
    if forget_classes:
        ours, target, original = (class_request(each, 2) for each in (ours, target, original))
    known = components(target, forget_classes)
    whole = score(ours, target, forget_classes=forget_classes).values
    forms = {"avg_gap": "gap", "robust_gap": "robust_gap", "accuracy_gap": "accuracy_gap"}
    expected = {name: whole[form] for name, form in forms.items()}
    expected["retrain_free"] = retrain_free_gap(ours, original, forget_classes)
    assert len(set(expected.values())) == 4
    for name, value in expected.items():
        found = search_values(name, ours, original, known, forget_classes)
        assert found.pop("objective") == value
        assert found == {name: whole[name] for name in found}
        assert {*COMPARED, *FORMS} | {f"retrain_{name}" for name in COMPARED} == found.keys()


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
