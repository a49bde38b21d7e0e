"""Methods that disagree with their cards are caught."""

import pytest

from mubench.errors import ContractError
from mubench.methods.contract import card_clauses
from tests.support.contract_files import CLAUSES, RETAIN, mine, prepare

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


BROKEN = [
    (
        card_clauses.card_matches_class,
        {"changes": {"needs": ["forget", "retain"]}},
        "needs: ['forget', 'retain'] in the card, ['retain'] in the class",
    ),
    (
        card_clauses.card_matches_class,
        {"params": {"alpha": {"default": 0.1}}},
        "params: alpha: only in the class, or only in the card",
    ),
    (
        card_clauses.card_matches_class,
        {"params": {"clip_norm": {"default": 0}}},
        "params.clip_norm.default: 0 in the card, 0.0 in the class",
    ),
    (
        card_clauses.card_matches_class,
        {"fields": "beta: float", "params": {"beta": {"default": 0.1}}},
        "beta: give it a default in the class",
    ),
    (
        card_clauses.card_matches_class,
        {"needs": ("retain", "test")},
        "needs: test: unknown; known: forget, forget_labels, retain, validation, teacher, ",
    ),
    (
        card_clauses.card_matches_class,
        {"changes": {"identity": {"steps": 0}}},
        "identity: steps: unknown; known: learning_rate, epochs, ",
    ),
    (
        card_clauses.card_matches_class,
        {"changes": {"quick": {"steps": 0}}},
        "quick: steps: unknown; known: learning_rate, epochs, ",
    ),
    (
        card_clauses.card_matches_class,
        {"changes": {"refuses": {"audio": "no sound"}}},
        "refuses: audio: unknown; known: random, class, group, index, image, text, table, cnn",
    ),
    (
        card_clauses.card_matches_class,
        {"fields": prepare(params=("steps",))},
        "prepare_params: steps: unknown; known: learning_rate, epochs, ",
    ),
    (
        card_clauses.defaults_are_in_range,
        {"params": {"epochs": {"default": 5, "range": {"int": [6, 10]}}}},
        "params.epochs: the default 5 is outside its range",
    ),
    (
        card_clauses.defaults_are_in_range,
        {"params": {"epochs": {"default": 5, "when": {"optimizer": "sgd"}}}},
        "params.epochs.when: optimizer must come before it",
    ),
    (
        card_clauses.docstring_cites_paper,
        {"changes": {"paper": "Somebody, Something, 2024"}},
        "paper: no arXiv id, DOI or address in the card; write `unpublished` if there is none",
    ),
    (
        card_clauses.docstring_cites_paper,
        {"changes": {"paper": "Somebody, arXiv 2401.00001"}},
        "the file's docstring does not name 2401.00001, the card's paper",
    ),
    (
        card_clauses.docstring_cites_paper,
        {"doc": "arXiv 2401.00001.", "changes": {"paper": "Somebody, arXiv 2401.00001"}},
        "the file's docstring must say `Differs from the paper: ...`, or `As in the paper.`",
    ),
    (card_clauses.docstring_cites_paper, {"about": ""}, "Mine has no docstring"),
    (
        card_clauses.accepts_search_space_samples,
        {"params": {"epochs": {"default": 5, "range": {"uniform": [1.0, 10.0]}}}},
        "params.epochs.range gives ",
    ),
    (
        card_clauses.accepts_search_space_samples,
        {"params": {"optimizer": {"default": "sgd", "range": {"choice": ["sgd", "adam"]}}}},
        "params.optimizer.range gives 'adam'; "
        "the class expects typing.Literal['sgd', 'adamw', 'sam']",
    ),
    (
        card_clauses.accepts_search_space_samples,
        {
            "fields": "def __post_init__(self):\n    if self.learning_rate == 0.1:\n"
            "        raise InputError('too large')",
        },
        "its space gives {'learning_rate': 0.1, 'epochs': 5, ",
    ),
    (
        card_clauses.accepts_search_space_samples,
        {"unlearn": "assert self.optimizer == 'sgd'\n" + RETAIN},
        "its space gives {'learning_rate': ",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "2 * epochs * n_r", "backward": "epochs * n_r"}}},
        "cost.forward: 2 * epochs * n_r gives 128 (n_f = 16, n_r = 32, K = 3, n_v = 12); "
        "64 were counted",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "epochs * n_r", "backward": "0"}}},
        "cost.backward: 0 gives 0 (n_f = 16, n_r = 32, K = 3, n_v = 12); 64 were counted",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "64", "backward": "64"}}},
        "cost.forward: 64 gives 64 (n_f = 9, n_r = 26, K = 3, n_v = 12); 52 were counted",
    ),
    (
        card_clauses.cost_matches_card,
        {"changes": {"cost": {"forward": "steps * n_r", "backward": "epochs * n_r"}}},
        "cost.forward: steps * n_r: name 'steps' is not defined; known: ceil, max, min, round, ",
    ),
    (
        card_clauses.stochastic_matches_card,
        {"changes": {"stochastic": False}},
        "another seed gives other weights: write `stochastic: true`",
    ),
    (
        card_clauses.stochastic_matches_card,
        {"unlearn": "model.classifier.bias.data += 1"},
        "another seed gives the same weights: write `stochastic: false`, or draw through the task",
    ),
    (
        card_clauses.identity_settings_change_nothing,
        {"unlearn": "model.classifier.bias.data += 0.01\n" + RETAIN},
        "with {'epochs': 0} (`identity` in its card) the model still changes",
    ),
]


@pytest.mark.parametrize(
    ("clause", "method", "message"),
    BROKEN,
    ids=[f"{number} {clause.__name__}" for number, (clause, *_) in enumerate(BROKEN)],
)
def test_a_broken_method_is_caught_by_its_clause(clause, method, message):
    with pytest.raises(ContractError) as caught:
        clause(mine(**method))
    assert str(caught.value).startswith(message)


def test_every_clause_catches_something():
    caught = {clause for clause, *_ in BROKEN}
    modules = {clause.__module__ for clause in caught}
    assert caught == {clause for clause in CLAUSES if clause.__module__ in modules}
