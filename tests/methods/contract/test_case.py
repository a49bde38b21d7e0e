"""A case: settings and request from the card, results of runs, one-line errors."""

import pytest

from mubench.errors import ContractError
from mubench.methods.contract.case import QUICK, Case, Skipped, require


def test_quick_settings_of_the_card_go_before_those_of_every_method():
    case = Case("ga", {"learning_rate": 0.5})
    assert case.quick == {**QUICK, **case.card.quick}
    assert case.settings["learning_rate"] == 0.5
    assert {name: case.settings[name] for name in case.quick} == case.quick


def test_the_request_is_one_that_the_card_does_not_refuse():
    for name in ("ga", "boundary_shrink"):
        case = Case(name)
        assert case.request.is_classwise == ("random" in case.card.refuses)


def test_clauses_are_skipped_where_the_first_run_fails(monkeypatch):
    case = Case("ga")

    def broken(self, *args, **kwargs):
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(Case, "run", broken)
    assert isinstance(case.first_run, RuntimeError)
    assert case.error_text(case.first_run) == "RuntimeError: no luck"
    with pytest.raises(Skipped):
        _ = case.completed
    with pytest.raises(Skipped):
        case.attempt(case.request, "with one forget example")


def test_require_raises_only_where_the_claim_is_false():
    require([1], "never")
    with pytest.raises(ContractError, match="said"):
        require([], "said")
