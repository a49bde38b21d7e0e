"""Many models trained as one against each of them trained alone."""

import copy

import pytest
import torch
from torch import nn

from benchmarks.on_gpu.stacked import fit_stacked
from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.errors import Diverged
from mubench.models.build import build_model
from mubench.models.training.fit import fit
from tests.support.descents import recipe
from tests.support.toy import blobs, conv, mlp, same, split_of, text, tokens, weights

TOLERANCE = 1e-10
"""Between weights in float64. In float32 rounding may decide which side of 0 a ReLU is on."""
SEEDS = (3, 4, 5)


def assert_as_alone(models, splits, recipe_, tolerance=TOLERANCE):
    alone = [copy.deepcopy(model) for model in models]
    fit_stacked(models, splits, recipe_, SEEDS)
    for model, split, seed in zip(alone, splits, SEEDS, strict=True):
        fit(model, split, recipe_, seed)
    for one, other in zip(models, alone, strict=True):
        for name, value in other.state_dict().items():
            found = one.state_dict()[name]
            assert found.dtype == value.dtype
            assert (found - value).abs().max() <= tolerance


PARTS = [blobs(21, seed=seed, dtype=torch.float64) for seed in SEEDS]


def doubles(build):
    return [build(seed).double() for seed in SEEDS]


ONE_CYCLE = {"augment": True, "schedule": "onecycle", "warmup_fraction": 0.25, "nesterov": True}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.01, "schedule": "cosine"}


@pytest.mark.parametrize(
    ("build", "values"),
    [(mlp, {}), (mlp, ONE_CYCLE), (mlp, ADAMW), (conv, {}), (conv, ONE_CYCLE)],
    ids=["mlp", "mlp one cycle", "mlp adamw", "cnn", "cnn one cycle"],
)
def test_each_model_gets_the_numbers_of_its_own_training(build, values):
    """With BatchNorm, whose statistics are each model's own; 21 examples make uneven batches."""
    assert_as_alone(doubles(build), PARTS, recipe(**values))


def test_texts_are_stacked_too():
    parts = [tokens(21, seed=seed) for seed in SEEDS]
    assert_as_alone(doubles(text), parts, recipe())


@pytest.mark.parametrize(("data", "model"), [("digits", "small_cnn"), ("breast_cancer", "mlp")])
def test_a_model_of_a_card_on_parts_of_its_data(data, model):
    train = load_dataset(cards.dataset(data).card, {}, ("train",), "cpu")
    batch = train.train.take(torch.arange(120))
    whole = split_of(batch.inputs.double(), batch.labels)
    splits = [whole.subset(rows) for rows in torch.arange(120).view(3, 40)]
    shape, classes = train.input_shape, train.num_classes
    card = cards.model(model).card

    def build(seed):
        return build_model(card, classes, shape, seed, train.widths)

    assert_as_alone(doubles(build), splits, recipe(epochs=2, batch_size=16))


def test_frozen_parameters_stay():
    models = doubles(conv)
    for model in models:
        model.body[0].requires_grad_(False)
    before = [model.body[0].weight.clone() for model in models]
    assert_as_alone(models, PARTS, recipe())
    for model, weight in zip(models, before, strict=True):
        assert torch.equal(model.body[0].weight, weight)
        assert not model.body[0].weight.requires_grad


def test_mixed_precision_is_that_of_the_recipe():
    """bfloat16 has 8 bits: sums in another order differ by more."""
    models, parts = [mlp(seed) for seed in SEEDS], [blobs(21, seed=seed) for seed in SEEDS]
    assert_as_alone(models, parts, recipe(precision="bfloat16"), tolerance=2e-2)


def test_what_cannot_train_as_one_is_refused_and_left_as_it_was():
    models = [mlp(0), mlp(1)]
    with pytest.raises(ValueError, match="splits of one size"):
        fit_stacked(models, [blobs(21), blobs(20)], recipe(), (0, 1))
    dropping = [nn.Sequential(nn.Dropout(0.5), mlp()) for _ in range(2)]
    with pytest.raises(RuntimeError, match="random"):
        fit_stacked(dropping, [blobs(21)] * 2, recipe(), (0, 1))
    before = weights(models[1])
    with pytest.raises(Diverged):
        fit_stacked(models, [blobs(21)] * 2, recipe(learning_rate=1e30, momentum=0.0), (0, 1))
    assert same(weights(models[1]), before)
