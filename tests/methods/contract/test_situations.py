from dataclasses import replace

from mubench.methods.contract.case import Case
from mubench.methods.contract.situations import Situation, of_data, of_param
from mubench.methods.contract.toy_world import same


def test_the_plain_situation_is_the_first_run_of_the_case():
    case = Case("ft")
    assert Situation(case.request).run(case) is case.completed


def test_changes_and_other_data_reach_the_method():
    case = Case("ga")
    usual = Situation(case.request).outcome(case)
    assert same(usual, Situation(case.request).outcome(case, {"epochs": case.settings["epochs"]}))
    assert not same(usual, Situation(case.request).outcome(case, {"learning_rate": 0.02}))
    assert not same(usual, Situation(case.request).with_other("forget").outcome(case))
    assert same(usual, Situation(case.request).with_other("retain").outcome(case))


def test_a_count_of_layers_is_asked_on_a_deeper_net_and_a_condition_is_met():
    case = Case("cf_k")
    (param,) = (p for p in case.card.space.params if p.name == "k")
    found = list(of_param(case, param))
    assert found[0] == Situation(case.request, dict(param.when))
    assert any(situation.request.blocks > 1 for situation in found)
    smoothed = Case("ugradsl")
    (beta,) = (p for p in smoothed.card.space.params if p.name == "adaptive_beta")
    assert all(s.changes["alpha"] == "adaptive" for s in of_param(smoothed, beta))


def test_data_are_asked_under_the_usual_settings_first():
    case = Case("ugradsl")
    first, *others = of_data(case)
    assert first == Situation(case.request)
    assert others
    assert all(replace(s, changes={}) == first and s.changes for s in others)
