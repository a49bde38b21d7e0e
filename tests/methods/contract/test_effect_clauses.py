"""Methods that ignore what they declare, or what a search chooses, are caught."""

import pytest

from mubench.errors import ContractError
from mubench.methods import rl, scrub, sfron, smoothed_ascent
from mubench.methods.contract import effect_clauses
from mubench.methods.contract.case import Case
from mubench.methods.contract.check import check
from tests.support.contract_files import CE, CLAUSES, DESCENT, RETAIN, mine

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")

BOTH = ("forget", "forget_labels", "retain")
FORGET = RETAIN.replace('"retain"', '"forget"')
OF_FORGET = {"cost": {"forward": "epochs * n_f", "backward": "epochs * n_f"}}
LOOK = """
with torch.no_grad():
    for batch in task.forget.batches(8):
        model(batch.inputs)
"""
BIAS = "({alpha} * model.classifier.bias).sum() + " + CE


def with_alpha(used, default, written, **more):
    """Descent whose loss has a term with alpha."""
    return {
        "fields": f"alpha: float = {default}",
        "params": {"alpha": {"default": default, **written}},
        "unlearn": DESCENT.format(loss=BIAS.format(alpha=used)),
        **more,
    }


NEGATIVE = {"range": {"negate": {"either": [0, {"log": [0.01, 8.0]}]}}}
BOTH_SIGNS = {"range": {"uniform": [-1.0, 0.5]}}
BROKEN = [
    (
        effect_clauses.declared_data_have_an_effect,
        {"needs": ("forget", "retain")},
        "other data in D_f change no parameter: use them, or remove 'forget' from `needs` in ",
    ),
    (
        effect_clauses.declared_data_have_an_effect,
        {
            "needs": BOTH,
            "unlearn": LOOK + RETAIN,
            "changes": {
                "identity": None,
                "cost": {"forward": "n_f + epochs * n_r", "backward": "epochs * n_r"},
            },
        },
        "other data in D_f change no parameter: use them, or remove 'forget' from `needs` in ",
    ),
    (
        effect_clauses.declared_data_have_an_effect,
        {"needs": BOTH, "unlearn": FORGET, "changes": OF_FORGET},
        "other data in D_r change no parameter: use them, or remove 'retain' from `needs` in ",
    ),
    (
        effect_clauses.searched_params_have_an_effect,
        with_alpha("0.5", -0.2, NEGATIVE),
        "alpha: -0.2, -0.01, 0, -8.0 give the same weights: use it, or remove its range; where it ",
    ),
    (
        effect_clauses.signs_have_an_effect,
        with_alpha("abs(self.alpha)", -0.2, NEGATIVE),
        "alpha: -0.01 and 0.01 give the same weights: use its sign, or refuse one of them in ",
    ),
    (
        effect_clauses.signs_have_an_effect,
        with_alpha("self.alpha ** 2", 0.1, BOTH_SIGNS),
        "alpha: 0.5 and -0.5 give the same weights: use its sign, or refuse one of them in ",
    ),
    (
        effect_clauses.signs_have_an_effect,
        with_alpha("abs(self.alpha)", 0.0, {}),
        "alpha: 0.3 and -0.3 give the same weights: use its sign, or refuse one of them in ",
    ),
    (
        effect_clauses.signs_have_an_effect,
        with_alpha("abs(self.alpha)", -0.2, {}),
        "alpha: -0.1 and 0.1 give the same weights: use its sign, or refuse one of them in ",
    ),
]


@pytest.mark.parametrize(
    ("clause", "method", "message"),
    BROKEN,
    ids=[f"{number} {clause.__name__}" for number, (clause, *_) in enumerate(BROKEN)],
)
def test_a_broken_method_is_caught_by_its_clause_alone(clause, method, message):
    mine(**method)
    broken = {r.clause: r.message for r in check("mine") if r.status == "failed"}
    assert broken.keys() == {clause.__name__}
    assert broken[clause.__name__].startswith(message)


def test_every_clause_catches_something():
    caught = {clause for clause, *_ in BROKEN}
    modules = {clause.__module__ for clause in caught}
    assert caught == {clause for clause in CLAUSES if clause.__module__ in modules}


SMOOTHED = {
    "ugradsl": (smoothed_ascent, "gls_loss"),
    "rl": (rl, "gls_loss"),
    "scrub": (scrub, "gls_kl_divergence"),
    "sfron": (sfron, "gls_loss"),
}
"""Where methods use their smoothing rate, which UGradSL searches and the others have off."""
WRONG = [
    *((name, abs) for name in SMOOTHED),
    *((name, lambda alpha: 0.1) for name in ("ugradsl", "rl")),
]


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_a_method_that_uses_its_smoothing_rate_wrongly_is_caught(name, change, monkeypatch):
    module, smoothed = SMOOTHED[name]
    usual = getattr(module, smoothed)

    def changed(one, other, alpha, *rest):
        return usual(one, other, alpha if hasattr(alpha, "shape") else change(alpha), *rest)

    monkeypatch.setattr(module, smoothed, changed)
    case, messages = Case(name), []
    for clause in (
        effect_clauses.searched_params_have_an_effect,
        effect_clauses.signs_have_an_effect,
    ):
        try:
            clause(case)
        except ContractError as error:
            messages.append(str(error).split(":")[0])
    assert messages == ["alpha"]


@pytest.mark.parametrize(("kept", "part"), [("forget", "D_r"), ("retain", "D_f")])
def test_a_method_that_ignores_one_of_its_batches_is_caught(kept, part, monkeypatch):
    usual = smoothed_ascent.MixedLoss.__call__

    def one_sided(self, pair):
        return usual(self, smoothed_ascent.Pair(None, None)._replace(**{kept: getattr(pair, kept)}))

    monkeypatch.setattr(smoothed_ascent.MixedLoss, "__call__", one_sided)
    with pytest.raises(ContractError, match=f"other data in {part} change no parameter"):
        effect_clauses.declared_data_have_an_effect(Case("ugradsl_plus"))


SOUND = {
    "with another optimizer": with_alpha(
        "(self.alpha if self.optimizer == 'adamw' else 0.0)", -0.2, NEGATIVE
    ),
    "with a setting that its card names": with_alpha(
        "(self.alpha if self.bn_mode == 'eval_frozen' else 0.0)",
        -0.2,
        {**NEGATIVE, "when": {"augment": False}},
        changes={"quick": {"bn_mode": "eval_frozen"}},
    ),
    "below 0 alone": with_alpha("min(self.alpha, 0.0)", -0.2, NEGATIVE),
    "where it refuses the other sign": {
        **with_alpha("abs(self.alpha)", -0.2, NEGATIVE),
        "fields": "alpha: float = -0.2\n\n"
        "def __post_init__(self):\n    if self.alpha > 0:\n        raise InputError('alpha')",
    },
    "as a size of sets": with_alpha(
        "(len(task.retain) > self.alpha)", 16, {"range": {"int": [48, 512]}}
    ),
}


@pytest.mark.parametrize("when", list(SOUND))
def test_a_hyperparameter_that_has_an_effect_is_not_called_ignored(when):
    case = mine(**SOUND[when])
    effect_clauses.searched_params_have_an_effect(case)
    effect_clauses.signs_have_an_effect(case)


def test_data_with_which_the_method_fails_are_told_with_its_error():
    crash = "if task.retain.labels[0] == 2:\n    raise RuntimeError('too many')\n"
    with pytest.raises(ContractError) as caught:
        effect_clauses.declared_data_have_an_effect(mine(unlearn=crash + RETAIN))
    assert str(caught.value) == "with other data in D_r: RuntimeError: too many (line 32)"


def test_data_that_the_method_refuses_have_an_effect():
    refuse = "if task.retain.labels[0] == 2:\n    raise Refused('too many')\n"
    effect_clauses.declared_data_have_an_effect(mine(unlearn=refuse + RETAIN))


def test_a_value_with_which_the_method_fails_is_told_with_its_error():
    crash = "if self.alpha < -1:\n    raise RuntimeError('too steep')\n"
    method = with_alpha("self.alpha", -0.2, {"range": {"choice": [-0.2, -8.0]}})
    case = mine(**{**method, "unlearn": crash + method["unlearn"]})
    with pytest.raises(ContractError) as caught:
        effect_clauses.searched_params_have_an_effect(case)
    assert str(caught.value) == "with {'alpha': -8.0}: RuntimeError: too steep (line 32)"
