"""The contract of every method that has a card: what a plug-in owes, whatever its algorithm."""

import copy
import pickle
import random
import re
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch
import yaml
from toy import blobs, conv, same, split_of, task_of, text, tokens, train, weights

from mubench import catalogue
from mubench.errors import UndeclaredError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.registry import load_method

FOLDER = catalogue.search_spaces() / "methods"
NAMES = catalogue.names("methods")
NEEDS = {"forget", "forget_labels", "retain", "validation", "teacher", "initial_weights"}

QUICK = {
    "iu": {"subset": 16, "iterations": 3},
    "iu_ref": {"fisher_count": 8},
}
"""Settings of the methods that do not descend, so that they are quick."""

VARIANTS = {
    "ugradsl": [
        {"alpha": "adaptive", "adaptive_mapping": "effort"},
        {"alpha": "adaptive", "adaptive_space": "features", "adaptive_mapping": "effort"},
        {"alpha": "adaptive", "adaptive_bank": 4, "adaptive_mapping": "effort"},
        {"forward_mode": "joint"},
        {"optimizer": "adamw", "clip_norm": 1.0, "bn_mode": "eval_frozen"},
    ],
    "neggrad_plus": [{"proximal_weight": 0.1}],
    "iu": [
        {"solver": "woodfisher_exact", "fisher_examples": 8},
        {"solver": "lissa", "lissa_batch_size": 8},
        {"v_mode": "neg_grad_retain"},
    ],
}
"""Further settings that take another path through the code."""


def build(name, **changes):
    cls = load_method(name)
    quick = QUICK.get(name, {})
    if issubclass(cls, DescentMethod):
        quick = {"epochs": 2, "batch_size": 8}
    return cls(**(quick | changes))


CASES = [build(name) for name in NAMES] + [
    build(name, **changes) for name, variants in VARIANTS.items() for changes in variants
]


def short(method):
    """The method and what its variant sets."""
    given = {f.name: getattr(method, f.name) for f in fields(method)}
    usual = build(NAME_OF[type(method)])
    changes = (f"{k}={v}" for k, v in given.items() if v != getattr(usual, k))
    return " ".join([type(method).__name__, *changes])


NAME_OF = {load_method(name): name for name in NAMES}
every_method = pytest.mark.parametrize("method", CASES, ids=short)
every_name = pytest.mark.parametrize("name", NAMES)


def card(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def original():
    """A conv net with BatchNorm, trained on what it is asked to forget."""
    model = conv()
    train(model, blobs(30), epochs=5)
    return model


def request_of(n_forget=10, seed=0, n=30):
    return task_of(blobs(n), n_forget, seed=seed, new_model=conv)


def is_stochastic(method):
    """Whether a seed can matter: which examples a solver draws, or the order of batches."""
    return isinstance(method, DescentMethod) or getattr(method, "solver", None) is not None


@every_method
def test_changes_a_copy_and_leaves_the_original_untouched(method, original):
    before, mode = weights(original), original.training
    found = method.run(original, request_of())
    assert found.status == "ok", found.message
    assert same(weights(original), before)
    assert original.training is mode
    assert all(p.grad is None for p in original.parameters())
    assert not same(weights(found.model), before)
    ours = {p.data_ptr() for p in original.state_dict().values()}
    assert not ours & {p.data_ptr() for p in found.model.state_dict().values()}


@every_method
def test_prepare_leaves_the_model_untouched(method, original):
    model = copy.deepcopy(original)
    method.prepare(model, request_of().declared(method.needs))
    assert same(weights(model), weights(original))


@every_method
def test_hands_back_an_evaluating_model_of_the_same_architecture(method, original):
    model = method.run(original, request_of()).model
    assert type(model) is type(original)
    assert {k: v.shape for k, v in weights(model).items()} == {
        k: v.shape for k, v in weights(original).items()
    }
    assert not any(module.training for module in model.modules())
    assert all(p.requires_grad for p in model.parameters())
    for module in model.modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        assert not any(hooks), f"{module} is left with a hook"


@every_method
def test_the_same_seed_gives_the_same_weights(method, original):
    first, second = (method.run(original, request_of(seed=3)) for _ in range(2))
    assert same(weights(first.model), weights(second.model))


@every_method
def test_another_seed_gives_other_weights_where_chance_plays_a_part(method, original):
    first, second = (method.run(original, request_of(seed=seed)) for seed in (3, 4))
    assert same(weights(first.model), weights(second.model)) is not is_stochastic(method)


@every_method
def test_global_generators_are_neither_read_nor_moved(method, original):
    def state():
        legacy = np.random.get_state()  # noqa: NPY002
        return torch.get_rng_state().tolist(), legacy[1].tolist(), random.getstate()

    first = method.run(original, request_of())
    torch.rand(1)
    before = state()
    second = method.run(original, request_of())
    assert state() == before
    assert same(weights(first.model), weights(second.model))


@every_method
def test_is_frozen_and_survives_pickling(method):
    name = fields(method)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(method, name, 1)
    assert pickle.loads(pickle.dumps(method)) == method


@every_method
def test_a_prepared_value_survives_pickling_and_can_be_shared(method, original):
    prepared = method.run_prepare(original, request_of())
    again = method.run(original, request_of(), pickle.loads(pickle.dumps(prepared)))
    assert same(weights(again.model), weights(method.run(original, request_of()).model))
    assert again.prepare_cost == prepared.cost


class Poisoned:
    """A split that fails on any use."""

    def __getattr__(self, name):
        raise AssertionError(f"an undeclared split was read: {name}")


@every_method
def test_runs_on_what_it_declares_alone(method, original):
    task = request_of()
    splits = {
        name: split if name in method.needs else Poisoned() for name, split in task.splits.items()
    }
    # the device comes from any split, so a declared one goes first
    splits = dict(sorted(splits.items(), key=lambda item: item[0] not in method.needs))
    assert method.run(original, replace(task, splits=splits)).status == "ok"


NO_FORGET = ("forget", "neg_grad_retain")
READS = [
    pytest.param(method, name, id=f"{short(method)} {name}")
    for method in CASES
    for name in ("forget", "retain")
    # minus the retain gradient needs no D_f
    if name in method.needs
    and (name, getattr(method, "v_mode", "")) != ("forget", "neg_grad_retain")
]


@pytest.mark.parametrize(("method", "split"), READS)
def test_a_need_that_is_not_declared_is_an_error(method, split, original, monkeypatch):
    monkeypatch.setattr(type(method), "needs", method.needs - {split})
    with pytest.raises(UndeclaredError, match=f"reads '{split}' but does not declare it"):
        method.run(original, request_of())


@pytest.mark.parametrize(
    "method", [p.values[0] for p in READS if p.values[1] == "forget"], ids=short
)
def test_labels_that_are_not_declared_cannot_be_trained_on(method, original, monkeypatch):
    if "forget_labels" not in method.needs:
        return
    monkeypatch.setattr(type(method), "needs", method.needs - {"forget_labels"})
    with pytest.raises((IndexError, RuntimeError), match=r"out of bounds|index"):
        method.run(original, request_of())


@every_method
@pytest.mark.parametrize("n_forget", [1, 9], ids=["one forget example", "ragged last batch"])
def test_takes_any_number_of_examples(method, n_forget, original):
    found = method.run(original, request_of(n_forget, n=n_forget + 19))
    assert found.status == "ok", found.message
    assert not same(weights(found.model), weights(original))


@every_method
def test_an_input_that_is_not_a_number_is_a_clean_divergence(method, original):
    full = blobs(30)
    inputs = full.take(torch.arange(30)).inputs.clone()
    inputs[[0, 12]] = float("nan")  # one in D_f, one in D_r
    task = task_of(split_of(inputs, full.labels), 10)
    found = method.run(original, replace(task, new_model=conv))
    assert found.status == "diverged"
    assert found.message
    assert same(weights(found.model), weights(original))


@every_method
def test_takes_inputs_that_are_a_dict_of_tensors(method):
    task = task_of(tokens(24), 8, new_model=text)
    found = method.run(text(), task)
    assert found.status == "ok", found.message
    assert not same(weights(found.model), weights(text()))


@every_method
def test_counts_and_times_its_work(method, original):
    found = method.run(original, request_of())
    assert found.cost.forward_examples >= found.cost.backward_examples > 0
    assert found.cost.rte_seconds >= found.prepare_cost.rte_seconds >= 0


@every_method
def test_no_strength_is_the_identity(method, original):
    name = "epochs" if isinstance(method, DescentMethod) else "step_length"
    found = replace(method, **{name: 0}).run(original, request_of())
    assert same(weights(found.model), weights(original))


@every_name
def test_the_card_and_the_class_agree(name):
    cls, written = load_method(name), card(name)
    assert written["name"] == name
    assert set(written["needs"]) == cls.needs <= NEEDS
    declared = {f.name: f.default for f in fields(cls)}
    assert {key: entry["default"] for key, entry in written["params"].items()} == declared
    types = {key: type(entry["default"]) for key, entry in written["params"].items()}
    assert types == {key: type(value) for key, value in declared.items()}
    assert set(cls.prepare_params) <= set(declared)
    assert {"title", "paper", "version", "source"} <= set(written)


@every_name
def test_defaults_lie_in_their_ranges(name):
    for param in catalogue.method(name).space.params:
        assert param.range.locate(param.default, param.name) is not None, param.name
        assert set(param.when) <= set(card(name)["params"])


@every_name
def test_what_prepare_reads_is_declared(name, original):
    cls = load_method(name)
    if "prepare" not in vars(cls):
        assert cls.prepare_params == ()
        return
    read = set()

    class Watched(cls):
        def __getattribute__(self, key):
            if key in cls.__dataclass_fields__:
                read.add(key)
            return super().__getattribute__(key)

    for case in CASES:
        if type(case) is cls:
            values = {f.name: getattr(case, f.name) for f in fields(case)}
            Watched(**values).prepare(copy.deepcopy(original), request_of().declared(cls.needs))
    assert read <= set(cls.prepare_params)
    assert read == set(cls.prepare_params)


@every_name
def test_the_file_cites_its_paper_and_says_where_it_differs(name):
    module = __import__(f"mubench.methods.{name}", fromlist=["_"])
    assert re.search(r"arXiv \d{4}\.\d{5}", module.__doc__)
    assert re.search(r"\d{4}\.\d{5}", card(name)["paper"]).group() in module.__doc__
    assert "Differs from the paper: " in module.__doc__ or "As in the paper" in module.__doc__
    assert load_method(name).__doc__


def test_one_loader_less_changes_no_other_loaders_batches():
    task = request_of()
    alone = task.loader("retain", 4, augment=True)
    beside = task.loader("retain", 4, augment=True)
    other = task.loader("forget", 4, augment=True)
    for _ in range(5):
        other.next(3)
        first, second = alone.next(4), beside.next(4)
        assert torch.equal(first.ids, second.ids)
        assert torch.equal(first.inputs, second.inputs)


def test_withheld_splits_cannot_be_reached_through_the_task():
    task: ForgetTask = request_of().declared(frozenset({"forget"}))
    assert (task.forget.labels == -1).all()
    with pytest.raises(UndeclaredError):
        _ = task.retain
