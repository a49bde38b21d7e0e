"""The contract of every method that has a card, and what only tests ask of those that ship.

Settings for the small world stand in a card's `quick`, further paths in `support/variants.py`.
"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mubench.errors import UndeclaredError
from mubench.methods.base import DescentMethod
from mubench.methods.contract import global_state
from mubench.methods.contract.access_clauses import read_by_prepare
from mubench.methods.contract.case import Case
from mubench.methods.contract.check import OF_CARDS, OF_DEFAULTS, OF_RUNS
from mubench.methods.ft import FT
from mubench.sweep.kinds import CONTROLS
from tests.support.every_method import NAMES, every_name
from tests.support.toy import blobs, conv, same, seeded, task_of, tokens, train, weights
from tests.support.variants import VARIANTS

USUAL = {name: Case(name) for name in NAMES}
CASES = [
    *USUAL.values(),
    *(Case(name, changes) for name, variants in VARIANTS.items() for changes in variants),
]

every_case = pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: " ".join([case.card.name, *map("{0[0]}={0[1]}".format, case.changes.items())]),
)


def cases_of(name):
    return [case for case in CASES if case.card.name == name]


@every_case
@pytest.mark.parametrize("clause", OF_RUNS, ids=lambda clause: clause.__name__)
def test_a_method(clause, case):
    clause(case)


@every_name
@pytest.mark.parametrize("clause", [*OF_CARDS, *OF_DEFAULTS], ids=lambda clause: clause.__name__)
def test_a_card(clause, name):
    clause(USUAL[name])


def runs_without(case, need):
    """Whether the method gives the same without what it declares."""
    needs = case.type.needs - {need}
    withheld = type(case.type.__name__, (case.type,), {"needs": needs})(**case.settings)
    try:
        found = withheld.run(case.request.original(), case.request.task())
    except (UndeclaredError, IndexError, RuntimeError):
        return False
    return same(weights(found.model), weights(case.completed.model))


@every_name
def test_every_need_is_used_under_some_settings(name):
    for need in USUAL[name].type.needs:
        assert not all(runs_without(case, need) for case in cases_of(name)), need


@every_name
def test_every_prepare_param_is_read_under_some_settings(name):
    if USUAL[name].method.prepares:
        read = set().union(*(read_by_prepare(case, case.settings) for case in cases_of(name)))
        assert read == set(USUAL[name].type.prepare_params)


LOOKING = [n for n in NAMES if n not in CONTROLS]
"""Controls look at no inputs."""


@pytest.mark.parametrize("name", LOOKING)
def test_one_bad_example_is_a_divergence_and_the_weights_are_the_originals(name):
    case = USUAL[name]
    request = replace(case.request, nan_every=20)
    found = case.run(request)
    assert found.status == "diverged"
    assert same(weights(found.model), weights(request.original()))


DESCENTS = [n for n in NAMES if issubclass(USUAL[n].type, DescentMethod) and n != "pabi"]
"""PABI's fine-tuning starts from its noisy weights, which hold all that is certified."""


@pytest.mark.parametrize("name", DESCENTS)
def test_a_descent_that_fails_at_once_leaves_the_original(name):
    """Also where the method edits the weights before it descends."""
    case = Case(name, {"learning_rate": 1e30, "optimizer": "sgd", "clip_norm": 0.0})
    found = case.run()
    assert found.status == "diverged"
    assert same(weights(found.model), weights(case.request.original()))


def test_notes_are_those_of_one_run():
    case = USUAL["boundary_shrink"]
    original, task = case.request.original(), case.request.task()
    assert case.method.run(original, task).notes.keys() == {"attack_success"}
    assert FT(epochs=1).run(original, task).notes == {}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_looks_at_no_inputs(name):
    cost = USUAL[name].completed.cost
    assert (cost.forward_examples, cost.backward_examples) == (0, 0)


@pytest.mark.parametrize("name", LOOKING)
def test_work_is_counted_and_timed(name):
    cost, prepare = USUAL[name].completed.cost, USUAL[name].completed.prepare_cost
    assert min(cost.forward_examples, cost.backward_examples) > 0
    assert cost.rte_seconds >= prepare.rte_seconds >= 0


def test_a_run_on_a_prepared_value_costs_what_preparing_it_did():
    case = USUAL["iu"]
    original, task = case.request.original(), case.request.task()
    prepared = case.method.run_prepare(original, task)
    assert prepared.cost.forward_examples > 0
    assert case.method.run(original, task, prepared).prepare_cost == prepared.cost


def test_an_original_in_training_mode_stays_in_it():
    original = conv().train()
    USUAL["msg"].method.run(original, task_of(blobs(30), 8))
    assert original.training


class Attentive(nn.Module):
    """A small BERT: embeddings, two layers of attention with dropout, a pooler."""

    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.pooler = nn.Linear(8, 8)
        self.classifier = nn.Linear(8, 3)

    def forward(self, inputs):
        padded = inputs["attention_mask"] == 0
        states = self.encoder(self.embeddings(inputs["input_ids"]), src_key_padding_mask=padded)
        return self.classifier(self.pooler(states[:, 0]).tanh())


def attentive(seed=0):
    return seeded(Attentive, seed)


ON_TEXT = [n for n in NAMES if not USUAL[n].card.refuses.keys() & {"text", "transformer"}]


@pytest.mark.parametrize("name", ON_TEXT)
def test_a_transformer_with_dict_inputs_is_unlearned(name):
    full = tokens(48)
    task = task_of(full, 16, new_model=attentive)
    if "random" in USUAL[name].card.refuses:
        order = torch.cat([(full.labels == 0).nonzero(), (full.labels != 0).nonzero()]).flatten()
        task = task_of(full.subset(order), 16, new_model=attentive)
    task = replace(task, splits={**task.splits, "validation": tokens(12, seed=1)})
    original = attentive()
    train(original, full, epochs=3)
    with global_state.restored():
        found = USUAL[name].method.run(original, task)
    assert found.status == "ok", found.message
    assert not same(weights(found.model), weights(original))
