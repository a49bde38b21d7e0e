"""Gaps and tug-of-war by hand."""

import pytest

from mubench.metrics.gap import FORMS, gap, tow, tow_mia


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


def test_each_form_averages_its_own_terms():
    ours = {"ua": 0.3, "mia_svc": 0.5, "ra": 0.9, "ta": 0.8, "mia_auc": 0.6}
    target = {"ua": 0.1, "mia_svc": 0.1, "ra": 1.0, "ta": 0.9, "mia_auc": 0.52}
    by_form = {form: gap(ours, target, form).value for form in FORMS}
    assert by_form == pytest.approx(
        {"gap": 0.8 / 4, "robust_gap": 0.48 / 4, "accuracy_gap": 0.4 / 3}, abs=1e-12
    )


def test_tug_of_war_matches_the_value_by_hand():
    """37: differences .1, .2 and 0 give .9 x .8 = .72."""
    ours = {"ua": 0.2, "ra": 0.8, "ta": 0.7, "mia_svc": 0.6}
    target = {"ua": 0.1, "ra": 1.0, "ta": 0.7, "mia_svc": 0.1}
    assert tow(ours, target) == pytest.approx(0.72, abs=1e-12)
    assert tow_mia(ours, target) == pytest.approx(0.5 * 0.8, abs=1e-12)
