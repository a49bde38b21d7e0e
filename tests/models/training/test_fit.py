"""Training by a recipe: schedules, precision, layout, compilation."""

import math
import shutil

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mubench.errors import Diverged
from mubench.models.training.cost_meter import Meter
from mubench.models.training.descent import Descent
from mubench.models.training.fit import fit, lr_schedule
from mubench.models.training.loader import Loader
from tests.support.descents import SPLIT, recipe, run
from tests.support.toy import blobs, distance, mlp, same, split_of, text, tokens, weights


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"schedule": "cosine"},
            {0: 1.0, 0.25: (1 + math.sqrt(0.5)) / 2, 0.5: 0.5, 1: 0.0},
        ),
        (
            {"schedule": "cosine", "warmup_fraction": 0.2},
            {0: 0.0, 0.1: 0.5, 0.2: 1.0, 0.6: 0.5, 1: 0.0},
        ),
        ({"schedule": "constant", "warmup_fraction": 0.5}, {0: 0.0, 0.25: 0.5, 0.5: 1.0, 0.9: 1.0}),
        (
            {"schedule": "multistep", "milestones": (2, 3), "decay": 0.1},
            {0: 1.0, 0.49: 1.0, 0.5: 0.1, 0.74: 0.1, 0.75: 0.01, 0.99: 0.01},
        ),
        (
            {"schedule": "onecycle", "warmup_fraction": 0.2},
            {0: 0.0, 0.05: 0.25, 0.1: 0.5, 0.2: 1.0, 0.4: 0.75, 0.6: 0.5, 0.9: 0.125, 1: 0.0},
        ),
        ({"schedule": "onecycle"}, {0: 1.0, 0.25: 0.75, 1: 0.0}),
    ],
)
def test_schedules_have_the_values_of_their_formulas(values, expected):
    multiple = lr_schedule(recipe(**values))
    for progress, value in expected.items():
        assert multiple(progress) == pytest.approx(value, abs=1e-12)


def test_a_constant_schedule_is_none_at_all():
    assert lr_schedule(recipe()) is None


def test_fit_is_descent_by_the_recipe():
    values = {"momentum": 0.5, "weight_decay": 0.1, "schedule": "cosine", "batch_size": 5}
    model, expected = mlp(), mlp()
    fit(model, SPLIT, recipe(**values), seed=3)
    settings_ = Descent(
        learning_rate=0.1,
        epochs=4,
        momentum=0.5,
        weight_decay=0.1,
        schedule=lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    )
    run(expected, settings_, batch_size=5, seed=3)
    assert same(weights(model), weights(expected))


def test_fit_depends_on_its_seed_and_on_no_global_generator():
    found = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        model = mlp()
        fit(model, SPLIT, recipe(augment=True), seed=seed)
        found.append(weights(model))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def test_fit_augments_only_where_the_recipe_says_so():
    found = []
    for augment in (False, True):
        model = mlp()
        fit(model, SPLIT, recipe(augment=augment), seed=0)
        found.append(weights(model))
    assert not same(*found)


def test_nesterov_is_that_of_torch_bit_for_bit():
    model = mlp()
    fit(model, SPLIT, recipe(nesterov=True, momentum=0.8, weight_decay=0.01), seed=3)
    expected = mlp().train()
    settings = {"momentum": 0.8, "weight_decay": 0.01, "nesterov": True, "fused": True}
    by_hand = torch.optim.SGD(expected.parameters(), 0.1, **settings)
    loader = Loader(SPLIT, 8, seed=3, name="train")
    for batch in (b for _ in range(4) for b in list(loader.epoch())):
        by_hand.zero_grad()
        F.cross_entropy(expected(batch.inputs), batch.labels).backward()
        by_hand.step()
    assert same(weights(model), weights(expected))


def colours(n):
    """Images of three channels: with one, every memory layout is the same."""
    inputs = torch.randn(n, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return split_of(inputs, torch.arange(n) % 3)


def colour_net():
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))


def colourful(**values):
    model = colour_net()
    fit(model, colours(21), recipe(**values), seed=0)
    return model


def test_channels_last_is_another_layout_of_the_same_training():
    plain, model, seen = colourful(), colour_net(), set()

    def look(module, inputs):
        tensors = (*inputs, *(p for p in module.parameters() if p.dim() == 4))
        seen.update(t.is_contiguous(memory_format=torch.channels_last) for t in tensors)

    model.register_forward_pre_hook(look)
    fit(model, colours(21), recipe(channels_last=True), seed=0)
    assert seen == {True}
    assert distance(weights(model), weights(plain)) < 1e-4
    assert all(value.is_contiguous() for value in model.state_dict().values())


def test_channels_last_leaves_inputs_that_are_no_images_alone():
    found = []
    for channels_last in (False, True):
        model = text()
        fit(model, tokens(12), recipe(channels_last=channels_last), seed=0)
        found.append(weights(model))
    assert same(*found)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_training_gives_the_plain_model_with_the_same_weights():
    plain, compiled, meter = colourful(), colour_net(), Meter()
    with meter.watch(compiled):
        fit(compiled, colours(21), recipe(compile=True), seed=0)
    assert distance(weights(compiled), weights(plain)) < 1e-4
    assert list(compiled.state_dict()) == list(plain.state_dict())
    assert "forward" not in vars(compiled)
    assert (meter.forward_examples, meter.backward_examples) == (4 * 21, 4 * 21)


def test_a_training_that_diverges_leaves_the_plain_model_too(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward: forward)
    model = colour_net()
    with pytest.raises(Diverged):
        fit(
            model,
            colours(21),
            recipe(learning_rate=1e30, channels_last=True, compile=True),
            seed=0,
        )
    assert "forward" not in vars(model)
    assert all(value.is_contiguous() for value in model.state_dict().values())


def test_bfloat16_trains_to_finite_weights_in_float32():
    model = colourful(precision="bfloat16", channels_last=True)
    values = [v for v in model.state_dict().values() if v.is_floating_point()]
    assert {value.dtype for value in values} == {torch.float32}
    assert all(bool(torch.isfinite(value).all()) for value in values)
    assert 0 < distance(weights(model), weights(colourful())) < 0.1


def test_a_split_of_one_example_trains():
    one = split_of(torch.ones(1, 16), torch.zeros(1, dtype=torch.int64))
    model = mlp()
    fit(model, one, recipe(batch_size=64), seed=0)
    assert not same(weights(model), weights(mlp()))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_fit_trains_in_the_precision_of_its_recipe(precision):
    model, seen = mlp(), set()
    model.classifier.register_forward_hook(lambda _, inputs, logits: seen.add(logits.dtype))
    fit(model, blobs(16), recipe(precision=precision, epochs=1), seed=0)
    assert seen == {getattr(torch, precision)}
