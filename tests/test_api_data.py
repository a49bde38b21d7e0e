"""The public functions with the data that people have: what a model gets, and what is refused."""

import re

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

import mubench
from mubench.errors import InputError

K = 3
GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(60, 4, generator=GENERATOR), torch.arange(60) % K
ALL = TensorDataset(X, Y)
FORGET, RETAIN, TEST = (Subset(ALL, range(*ends)) for ends in ((0, 12), (12, 45), (45, 60)))
SETS = {"forget": FORGET, "retain": RETAIN}


class Seen(nn.Module):
    """A linear model that notes what it gets."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.inner = nn.Linear(4, K).to(dtype)
        self.dtypes, self.sizes = set(), set()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape))

    def __deepcopy__(self, memo):
        copied = Seen(self.inner.weight.dtype)
        copied.load_state_dict(self.state_dict())
        copied.dtypes, copied.sizes = self.dtypes, self.sizes
        return copied

    def forward(self, inputs):
        self.dtypes.add(inputs.dtype)
        return self.inner(inputs)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def each(subset, make):
    return [make(*subset[row]) for row in range(len(subset))]


@pytest.mark.parametrize(
    "make",
    [
        lambda part: (X[part.indices].double().numpy(), Y[part.indices].numpy()),
        lambda part: each(part, lambda x, y: {"pixel_values": x, "labels": int(y)}),
        lambda part: DataLoader(part, batch_size=7),
        lambda part: iter(DataLoader(part, batch_size=7)),
    ],
    ids=["arrays of float64", "dicts", "loader", "iterator"],
)
def test_every_form_of_the_same_data_gives_the_same_weights(make):
    expected = weights(mubench.unlearn(Seen(), **SETS, method="ugradsl"))
    given = {name: make(part) for name, part in SETS.items()}
    assert torch.equal(weights(mubench.unlearn(Seen(), **given, method="ugradsl")), expected)
    given = {name: make(part) for name, part in {**SETS, "test": TEST}.items()}
    assert mubench.evaluate(Seen(), **given) == mubench.evaluate(Seen(), **SETS, test=TEST)
    given = {name: make(part) for name, part in SETS.items()}
    assert mubench.theorem2(Seen(), **given) == mubench.theorem2(Seen(), **SETS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("given", [torch.float16, torch.float32, torch.float64])
def test_a_model_gets_fractions_of_its_own_type(given, dtype):
    model = Seen(dtype)
    sets = {name: (X[part.indices].to(given), Y[part.indices]) for name, part in SETS.items()}
    mubench.unlearn(model, **sets, method="ga")
    mubench.evaluate(model, **sets, test=(X[45:].to(given), Y[45:]))
    assert model.dtypes == {dtype}


class Embedding(nn.Module):
    """Takes whole numbers, of bytes too if it is asked to make them longer."""

    def __init__(self, is_long):
        super().__init__()
        self.table, self.is_long = nn.EmbeddingBag(8, K), is_long

    def forward(self, inputs):
        return self.table(inputs if self.is_long else inputs.long())


def tokens(dtype, rows):
    return torch.arange(len(rows) * 2).reshape(-1, 2).add(rows[0]).remainder(8).to(dtype), Y[rows]


@pytest.mark.parametrize(
    ("dtype", "is_long"), [(torch.int64, True), (torch.int32, True), (torch.uint8, False)]
)
def test_whole_numbers_stay_for_models_that_take_them(dtype, is_long):
    sets = {
        "forget": tokens(dtype, torch.tensor([0, 1])),
        "retain": tokens(dtype, torch.tensor([1, 3])),
    }
    found = mubench.unlearn(Embedding(is_long), **sets, method="ga", learning_rate=0.1)
    assert torch.isfinite(weights(found)).all()


@pytest.mark.parametrize("run", ["unlearn", "evaluate", "theorem2"])
def test_images_of_bytes_are_one_line_for_a_model_of_fractions(run):
    bytes_ = (torch.zeros(2, 4, dtype=torch.uint8), Y[:2])
    options = {"unlearn": {"method": "ga"}, "evaluate": {"test": TEST}, "theorem2": {}}[run]
    message = "retain: inputs are uint8 of shape (4,), which the model cannot take; give them as"
    with pytest.raises(InputError, match=re.escape(message)):
        getattr(mubench, run)(nn.Linear(4, K), forget=FORGET, retain=bytes_, **options)


@pytest.mark.parametrize(
    ("run", "sets", "pair"),
    [
        ("unlearn", {"forget": FORGET, "retain": ALL, "method": "ga"}, "forget and retain"),
        (
            "unlearn",
            {**SETS, "validation": Subset(ALL, [50, 44]), "method": "scrub_r"},
            "retain and validation",
        ),
        ("evaluate", {**SETS, "test": (X[40:], Y[40:])}, "retain and test"),
        ("evaluate", {**SETS, "test": Subset(ALL, [3, *range(50, 60)])}, "forget and test"),
        ("theorem2", {"forget": (X[:2], Y[:2]), "retain": (X[1:], Y[1:])}, "forget and retain"),
    ],
)
def test_an_example_in_two_sets_is_refused_unless_it_may_be_kept(run, sets, pair):
    with pytest.raises(InputError, match=f"^{pair} share ") as caught:
        getattr(mubench, run)(nn.Linear(4, K), **sets)
    assert "\n" not in str(caught.value)
    assert getattr(mubench, run)(nn.Linear(4, K), **sets, duplicates="keep")


def test_sets_of_different_kinds_are_one_line():
    named = {"a": X[:5], "b": X[:5], "label": Y[:5]}
    message = "inputs of forget: keys a, b; of retain: a tensor; give one kind"
    with pytest.raises(InputError, match=message):
        mubench.unlearn(nn.Linear(4, K), forget=named, retain=RETAIN, method="ga")


def test_the_bar_expects_what_the_method_sends_forward(monkeypatch):
    seen = {}

    class Bar:
        def __init__(self, count, total, title):
            seen.update(count=count, total=total, title=title)

        def __enter__(self):
            seen["begun"] = seen["count"]()

        def __exit__(self, *error):
            seen["ended"] = seen["count"]()

    monkeypatch.setattr(mubench.api, "counting", Bar)
    mubench.unlearn(nn.Linear(4, K), **SETS, method="ft", epochs=2)
    assert (seen["begun"], seen["ended"]) == (0, seen["total"])
    assert seen["total"] == 2 * 33
    assert seen["title"] == "ft"


class Frame(list):
    """What tells a table of pandas."""

    iloc = None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"forget": None}, "forget: no data, got None; it is needed"),
        ({"forget": (X[:3], ["a", "b", "a"])}, "forget: labels are names; number the classes from"),
        ({"forget": Frame()}, "forget: a Frame of pandas; give (inputs, labels)"),
        ({"forget": (X[:3] * torch.nan, Y[:3])}, "forget: 3 of 3 examples have NaN, the first is"),
        ({"model": None}, "model: a trained nn.Module is needed; got NoneType"),
        ({"model": nn.Linear}, "model: a trained nn.Module is needed; got Linear"),
        ({"method": 3}, "method: a name is needed; got int"),
    ],
)
def test_arguments_that_are_none_are_named(change, reason):
    given = {"model": Seen(), "method": "ga", **SETS, **change}
    with pytest.raises(InputError, match=re.escape(reason)):
        mubench.unlearn(given.pop("model"), **given)
    if "method" not in change:
        model = change.get("model", Seen())
        with pytest.raises(InputError, match=re.escape(reason)):
            mubench.evaluate(model, test=TEST, **{**SETS, "forget": given["forget"]})
