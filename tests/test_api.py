"""`mubench.unlearn` and `mubench.evaluate` in a person's own code."""

import copy
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import mubench
from mubench import api
from mubench.catalogue import cards
from mubench.errors import Diverged, InputError, Refused

K, DIMENSIONS = 3, 4


def data(n, seed):
    """Gaussian inputs (n, 4) and labels (n,) in {0, 1, 2}."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % K
    inputs = torch.randn(n, DIMENSIONS, generator=generator)
    inputs[torch.arange(n), labels] += 2
    return inputs, labels


FORGET, RETAIN, TEST = data(12, 0), data(60, 1), data(30, 2)
SETS = {"forget": FORGET, "retain": RETAIN}


def of_class(pair, k, is_wanted):
    inputs, labels = pair
    chosen = (labels == k) == is_wanted
    return inputs[chosen], labels[chosen]


CLASSWISE = {"forget": of_class(FORGET, 0, True), "retain": of_class(RETAIN, 0, False)}
CLASS_ONLY = ("boundary_expanding", "boundary_shrink", "mask", "trw", "unsir")


def sets_for(method):
    return CLASSWISE if method in CLASS_ONLY else SETS


def linear(seed=0):
    """A softmax regression with random weights."""
    model = nn.Linear(DIMENSIONS, K)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def fitted(inputs, labels):
    model = linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    return model


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_one_step_of_ascent_is_the_gradient_added():
    """GA on one full batch without momentum: theta + eta * grad of the mean loss on D_f."""
    model = linear()
    nn.functional.cross_entropy(model(FORGET[0]), FORGET[1]).backward()
    expected = [(p + 0.1 * p.grad).detach() for p in model.parameters()]
    params = {"learning_rate": 0.1, "epochs": 1, "momentum": 0.0, "weight_decay": 0.0}
    unlearned = mubench.unlearn(model, **SETS, method="ga", **params)
    for parameter, wanted in zip(unlearned.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), wanted)


REFUSING = {
    "amun": "attacks pixels within their bounds, which columns of a table do not have",
    "boundary_shrink": "attacks pixels within their bounds, which columns of a table do not have",
    "ct": "transposes kernels of convolutions, which models of tables do not have",
    "msg": "redraws weights of convolutions, which models of tables do not have",
}


@pytest.mark.parametrize("method", [n for n in cards.names("methods") if n not in REFUSING])
def test_every_method_works_on_a_person_s_model_and_leaves_it_alone(method):
    model, initial = fitted(*RETAIN).train(), linear()
    model.zero_grad()
    before, drawn = weights(model).clone(), torch.random.get_rng_state()
    given = {**sets_for(method), "validation": TEST, "initial": initial}
    one = mubench.unlearn(model, **given, method=method)
    two = mubench.unlearn(model, **given, method=method)
    assert one is not model
    assert torch.equal(weights(model), before)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert torch.isfinite(weights(one)).all()
    assert torch.equal(weights(one), weights(two))


@pytest.mark.parametrize(
    ("inputs", "modality"),
    [
        (torch.zeros(2, 4), "table"),
        (torch.zeros(2, 4, dtype=torch.float64), "table"),
        (torch.zeros(2, 4, dtype=torch.int64), "text"),
        (torch.zeros(2, 4, dtype=torch.uint8), "table"),
        (torch.zeros(2, 1, 4, 4), "image"),
        (torch.zeros(2, 4, 4), "image"),
        ({"input_ids": torch.zeros(2, 4)}, "text"),
    ],
)
def test_a_request_s_modality_follows_from_its_inputs(inputs, modality):
    assert api._modality_of(linear(), inputs) == modality


@pytest.mark.parametrize("method", list(REFUSING))
def test_a_method_that_cannot_treat_a_model_or_data_says_why(method):
    with pytest.raises(Refused, match=REFUSING[method]):
        mubench.unlearn(fitted(*RETAIN), **sets_for(method), method=method)


@pytest.mark.parametrize(
    ("method", "sets", "reason"),
    [
        ("boundary_expanding", SETS, "boundary_expanding: moves a whole class out of"),
        ("boundary_shrink", SETS, "boundary_shrink: gives a whole class to its neighbours"),
        ("scrub_r", CLASSWISE, "scrub_r: a class is to be forgotten wholly"),
    ],
)
def test_what_a_card_refuses_is_refused_as_in_a_sweep(method, sets, reason):
    with pytest.raises(Refused, match=reason):
        mubench.unlearn(fitted(*RETAIN), **sets, validation=TEST, method=method)


def test_the_seed_decides_the_dropout_too_and_no_global_generator_moves():
    model = nn.Sequential(nn.Dropout(0.5), fitted(*RETAIN))
    drawn = torch.random.get_rng_state()
    one = (RETAIN[0][:1], RETAIN[1][:1])  # so that dropout alone can tell the seeds apart
    results = [
        weights(mubench.unlearn(model, forget=FORGET, retain=one, method="ft", seed=seed))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_the_seed_decides_the_draws():
    model = fitted(*RETAIN)
    results = [
        weights(mubench.unlearn(model, **SETS, method="ft", batch_size=8, seed=seed))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_tuples_data_sets_and_loaders_are_the_same_data():
    model = fitted(*RETAIN)

    def unlearned(make):
        sets = {name: make(TensorDataset(*pair)) for name, pair in SETS.items()}
        return weights(mubench.unlearn(model, **sets, method="ugradsl"))

    expected = weights(mubench.unlearn(model, **SETS, method="ugradsl"))
    assert torch.equal(unlearned(lambda dataset: dataset), expected)
    assert torch.equal(unlearned(lambda dataset: DataLoader(dataset, batch_size=7)), expected)


class Named(nn.Module):
    """Takes its inputs by name, as text models do."""

    def __init__(self):
        super().__init__()
        self.inner = linear()

    def forward(self, inputs):
        return self.inner(inputs["left"] + inputs["right"])


def test_inputs_may_be_named():
    def named(inputs, labels):
        return {"left": inputs / 2, "right": inputs / 2}, labels

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(FORGET[1])

        def __getitem__(self, row):
            inputs, labels = named(*FORGET)
            return {name: value[row] for name, value in inputs.items()}, labels[row]

    plain = mubench.unlearn(linear(), **SETS, method="ga")
    for forget in (named(*FORGET), Rows()):
        unlearned = mubench.unlearn(Named(), forget=forget, retain=named(*RETAIN), method="ga")
        torch.testing.assert_close(weights(unlearned), weights(plain))


def test_examples_get_ids_of_their_own(monkeypatch):
    """What a method is given; it tells examples of D_f, D_r and D_val apart by their ids."""
    seen = []

    class Spy:
        def run(self, model, task):
            seen.extend(split.ids for split in task.splits.values())
            return SimpleNamespace(status="ok", model=model)

    monkeypatch.setattr(api, "make_method", lambda name, params: Spy())
    mubench.unlearn(linear(), **SETS, validation=TEST, method="ga")
    assert torch.cat(seen).tolist() == list(range(12 + 60 + 30))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "ugrad"}, "method.ugrad: unknown method 'ugrad'; did you mean 'ugradsl'?"),
        ({"learning_rat": 1}, "ga has no hyperparameter 'learning_rat'; did you mean"),
        ({"forget": (FORGET[0], FORGET[1].float())}, "forget: labels must be whole numbers"),
        ({"forget": (FORGET[0][:5], FORGET[1])}, "forget: 12 labels, but inputs of length [5]"),
        ({"retain": (RETAIN[0][:0], RETAIN[1][:0])}, "retain: no examples"),
        ({"retain": TensorDataset(RETAIN[0][:0], RETAIN[1][:0])}, "retain: no examples"),
        ({"retain": 5}, "retain: give (inputs, labels), a torch Dataset or a DataLoader; got int"),
        ({"retain": [RETAIN[0]]}, "retain: an example must be (inputs, label), or a dict with"),
    ],
)
def test_bad_input_is_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        mubench.unlearn(linear(), **{**SETS, "method": "ga", **changes})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_divergence_is_raised_and_the_model_is_as_before():
    model = fitted(*RETAIN)
    before = weights(model).clone()
    with pytest.raises(Diverged, match=r"^ga: "):
        mubench.unlearn(model, **SETS, method="ga", learning_rate=1e30, epochs=50)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"optimizer": "adma"},
            "ft: optimizer: Input should be 'sgd', 'adamw' or 'sam'; got 'adma'",
        ),
        ({"epochs": "3"}, "ft: epochs: Input should be a valid integer; got '3'"),
        ({"epochs": -1}, "epochs: 0 or more is needed; got -1"),
        ({"batch_size": 0}, "batch_size: 1 or more is needed; got 0"),
        ({"forget": (FORGET[0], FORGET[1] + 1)}, "forget: labels from 1 to 3, but the model has 3"),
        ({"method": "scrub_r"}, "unlearn: scrub_r needs validation=, held-out examples"),
        ({"method": "eu_k"}, "unlearn: eu_k needs initial=, the model that training began with"),
    ],
)
def test_what_cannot_be_is_one_line(given, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        mubench.unlearn(fitted(*RETAIN), **{"method": "ft", **SETS, **given})
    assert "\n" not in str(caught.value)


def test_a_model_without_logits_or_without_parameters_is_told_so():
    named = nn.Sequential(fitted(*RETAIN))
    named.forward = lambda inputs: {"features": inputs, "scores": named[0](inputs)}
    found = re.escape("it gives dict of features (12, 4), scores (12, 3)")
    with pytest.raises(InputError, match=f"must give logits .*; {found}"):
        mubench.unlearn(named, **SETS, method="ft")
    with pytest.raises(InputError, match="has no parameter that can be trained"):
        mubench.unlearn(fitted(*RETAIN).requires_grad_(False), **SETS, method="ft")
    with pytest.raises(InputError, match="has no parameter that can be trained"):
        mubench.theorem2(fitted(*RETAIN).requires_grad_(False), **SETS)


def test_a_frozen_model_is_evaluated_like_any_other():
    model = fitted(*RETAIN)
    expected = mubench.evaluate(model, **SETS, test=TEST)
    assert mubench.evaluate(model.requires_grad_(False), **SETS, test=TEST) == expected


def test_it_works_under_no_grad_and_leaves_no_gradients():
    model = fitted(*RETAIN)
    with torch.no_grad():
        found = mubench.unlearn(model, **SETS, method="ft", epochs=1)
    assert all(parameter.grad is None for parameter in found.parameters())
    assert all(parameter.requires_grad for parameter in found.parameters())


def test_a_preconditioner_that_is_none_is_told_so():
    with pytest.raises(InputError, match="theorem2: preconditioner: Input should be"):
        mubench.theorem2(fitted(*RETAIN), **SETS, preconditioner="ident")
    with pytest.raises(InputError, match="theorem2: damping: "):
        mubench.theorem2(fitted(*RETAIN), **SETS, damping=-1)


class Constant(nn.Module):
    """Says one class whatever it sees."""

    def __init__(self, answer):
        super().__init__()
        self.logits = nn.Parameter(torch.nn.functional.one_hot(torch.tensor(answer), K).float())

    def forward(self, inputs):
        return self.logits.expand(len(inputs), K)


def test_accuracies_are_fractions_of_what_is_right():
    """A third of each set has label 1."""
    found = mubench.evaluate(Constant(1), **SETS, test=TEST)
    assert found["ua"] == pytest.approx(2 / 3)
    assert found["ra"] == pytest.approx(1 / 3)
    assert found["ta"] == pytest.approx(1 / 3)
    assert "gap" not in found


def test_a_forgotten_class_does_not_count_in_the_test_accuracy():
    """Of classes 0 and 1 alone, half are 1."""
    found = mubench.evaluate(Constant(1), **SETS, test=TEST, forget_classes=(2,))
    assert found["ta"] == pytest.approx(1 / 2)
    assert found["ta_all"] == pytest.approx(1 / 3)


def test_retrain_itself_has_no_gap_and_another_model_has_one():
    retrained = fitted(*RETAIN)
    itself = mubench.evaluate(copy.deepcopy(retrained), retrained, **SETS, test=TEST)
    assert itself["gap"] == 0
    assert itself["kl_forget"] == pytest.approx(0, abs=1e-9)
    other = mubench.evaluate(Constant(1), retrained, **SETS, test=TEST)
    assert other["gap"] > 0.1
    assert other["retrain_ra"] == itself["ra"]


def test_evaluation_leaves_models_as_they_were():
    model = nn.Sequential(nn.BatchNorm1d(DIMENSIONS), nn.Dropout(0.5), linear()).train()
    before = copy.deepcopy(model.state_dict())
    one = mubench.evaluate(model, **SETS, test=TEST)
    assert mubench.evaluate(model, **SETS, test=TEST) == one
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_public_functions_load_torch_when_they_are_asked_for():
    code = (
        "import sys, mubench; print('torch' in sys.modules, mubench.unlearn.__name__, "
        "mubench.evaluate.__name__, 'torch' in sys.modules, hasattr(mubench, 'other'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "unlearn", "evaluate", "True", "False"]


def test_a_closed_form_needs_no_torch():
    code = (
        "import sys, mubench; print(mubench.label_ldp_epsilon(-0.3, 1.3, 1.0, 10).value < 1e-9, "
        "'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_every_public_function_can_be_had():
    assert all(callable(getattr(mubench, n)) for n in mubench.__all__ if n != "__version__")


class Odd(nn.Module):
    """Gives features and logits in the form that it is told."""

    def __init__(self, form):
        super().__init__()
        self.body, self.form = fitted(*RETAIN), form

    def forward(self, inputs):
        return self.form(inputs, self.body(inputs))


FORMS = {
    "tuple": lambda features, logits: (logits, logits + 1),
    "dict": lambda features, logits: {"features": features, "logits": logits},
    "object": lambda features, logits: SimpleNamespace(logits=logits, hidden=features),
}


@pytest.mark.parametrize("method", ["ugradsl", "cf_k", "iu", "ff", "scrub", "boundary_expanding"])
@pytest.mark.parametrize("form", FORMS)
def test_a_model_may_give_its_logits_in_any_form(form, method):
    given = {**sets_for(method), "validation": TEST}
    expected = mubench.unlearn(fitted(*RETAIN), **given, method=method)
    model = Odd(FORMS[form])
    found = mubench.unlearn(model, **given, method=method)
    assert type(found) is Odd
    assert torch.equal(weights(found), weights(expected))
    assert mubench.evaluate(found, **SETS, test=TEST) == mubench.evaluate(
        expected, **SETS, test=TEST
    )


def test_theorem_2_reads_the_logits_of_any_form():
    expected = mubench.theorem2(fitted(*RETAIN), **SETS)
    assert mubench.theorem2(Odd(FORMS["dict"]), **SETS) == expected


@pytest.mark.parametrize("function", ["unlearn", "evaluate", "theorem2"])
def test_probabilities_are_no_logits(function):
    model = nn.Sequential(fitted(*RETAIN), nn.Softmax(1))
    more = {"unlearn": {"method": "ft"}, "evaluate": {"test": TEST}, "theorem2": {}}[function]
    with pytest.raises(InputError, match="gives probabilities, not logits; leave out a softmax"):
        getattr(mubench, function)(model, **SETS, **more)


@pytest.mark.parametrize("function", ["unlearn", "evaluate", "theorem2"])
def test_a_model_that_cannot_take_the_inputs_or_knows_nothing_is_told_so(function):
    more = {"unlearn": {"method": "ft"}, "evaluate": {"test": TEST}, "theorem2": {}}[function]
    broken = fitted(*RETAIN)
    nn.init.constant_(next(broken.parameters()), math.nan)
    found = rf"model Linear: cannot take inputs \(12, {DIMENSIONS}\) of float32: mat1 and mat2"
    with pytest.raises(InputError, match=found) as caught:
        getattr(mubench, function)(nn.Linear(DIMENSIONS + 1, K), **SETS, **more)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="its logits are not finite"):
        getattr(mubench, function)(broken, **SETS, **more)


def test_what_is_frozen_stays_frozen_and_what_was_not_is_not():
    model = nn.Sequential(nn.Linear(DIMENSIONS, 5).requires_grad_(False), nn.Linear(5, K))
    before = model[0].weight.clone()
    found = mubench.unlearn(model, **SETS, method="ft", weight_decay=0.1)
    assert torch.equal(found[0].weight, before)
    assert [p.requires_grad for p in found.parameters()] == [False, False, True, True]
    assert not torch.equal(found[1].weight, model[1].weight)


def test_a_method_without_its_convolutions_or_its_last_layer_says_so():
    model = nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, K, 2), nn.Flatten())
    with pytest.raises(Refused, match="Sequential has no linear layer of 3 outputs at its end"):
        mubench.unlearn(model, **SETS, method="cf_k", epochs=1)
    assert mubench.unlearn(model, **SETS, method="ct", epochs=1) is not model
