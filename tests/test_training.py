"""The descent loop, recipes, loaders, and the meter of what it all costs."""

import copy
import math
import mmap
import shutil
from collections import Counter
from contextlib import suppress
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F
from toy import blobs, conv, distance, mlp, same, split_of, text, tokens, weights

from mubench.errors import Diverged, InputError
from mubench.models.recipe import Recipe
from mubench.models.training import cost_meter as meter_module
from mubench.models.training.cost_meter import Cost, Meter, flops_per_example, measure
from mubench.models.training.descent import (
    Descent,
    Hooks,
    autocast,
    descend,
    make_optimizer,
    set_mode,
)
from mubench.models.training.evaluate import logits_of
from mubench.models.training.fit import fit, lr_schedule
from mubench.models.training.loader import Loader

SPLIT = blobs(21)
CPU = torch.device("cpu")


def cross_entropy(model):
    return lambda batch: F.cross_entropy(model(batch.inputs), batch.labels)


def run(model, settings_, *, batch_size=8, seed=0, loss=None, after_epoch=None):
    loader = Loader(SPLIT, batch_size, seed=seed, name="train")
    return descend(
        model,
        settings_,
        lambda _: loader.epoch(),
        loss or cross_entropy(model),
        steps_per_epoch=len(loader),
        hooks=Hooks(after_epoch=after_epoch) if after_epoch else None,
    )


# --- descent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [mlp, conv])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_descent_is_the_loop_that_one_writes_by_hand_bit_for_bit(make, optimizer, clip):
    settings_ = Descent(
        learning_rate=0.1,
        epochs=2,
        momentum=0.9,
        weight_decay=0.01,
        optimizer=optimizer,
        clip_norm=clip,
        schedule=lambda progress: 1.0 - progress,
    )
    model = make()
    run(model, settings_)

    expected = make().train()
    if optimizer == "sgd":
        by_hand = torch.optim.SGD(expected.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    else:
        by_hand = torch.optim.AdamW(expected.parameters(), 0.1, weight_decay=0.01)
    loader = Loader(SPLIT, 8, seed=0, name="train")
    for step, batch in enumerate(b for _ in range(2) for b in list(loader.epoch())):
        by_hand.param_groups[0]["lr"] = 0.1 * (1.0 - step / 6)
        by_hand.zero_grad()
        F.cross_entropy(expected(batch.inputs), batch.labels).backward()
        if clip:
            nn.utils.clip_grad_norm_(expected.parameters(), clip)
        by_hand.step()
    assert same(weights(model), weights(expected))


def test_an_epoch_count_of_zero_changes_nothing():
    model = mlp()
    run(model, Descent(learning_rate=0.1, epochs=0))
    assert same(weights(model), weights(mlp()))


def test_frozen_parameters_stay():
    model = mlp()
    model.classifier.requires_grad_(False)
    run(model, Descent(learning_rate=0.1, epochs=1))
    before, after = weights(mlp()), weights(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"body.1.weight", "body.1.bias"}


def test_the_schedule_is_asked_for_progress_in_equal_steps_from_zero():
    asked = []

    def schedule(progress):
        asked.append(progress)
        return 1.0

    run(mlp(), Descent(learning_rate=0.1, epochs=2, schedule=schedule))
    assert asked == [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6]


@pytest.mark.parametrize("frozen", [False, True])
def test_batch_norm_keeps_its_statistics_only_when_frozen(frozen):
    model = conv()
    mode = "eval_frozen" if frozen else "train"
    run(model, Descent(learning_rate=0.1, epochs=1, bn_mode=mode))
    before, after = weights(conv()), weights(model)
    assert torch.equal(before["body.1.running_mean"], after["body.1.running_mean"]) is frozen
    assert not torch.equal(before["body.1.weight"], after["body.1.weight"])
    set_mode(model, mode)
    assert model.training
    assert model.body[1].training is not frozen


def test_descent_stops_when_it_is_told_to():
    seen = []

    def after(epoch):
        seen.append(epoch)
        return epoch == 1

    model, two = mlp(), mlp()
    run(model, Descent(learning_rate=0.1, epochs=5), after_epoch=after)
    run(two, Descent(learning_rate=0.1, epochs=2))
    assert seen == [0, 1]
    assert same(weights(model), weights(two))


def test_a_first_epoch_that_diverges_leaves_the_model_where_it_started():
    model = conv()
    with pytest.raises(Diverged) as caught:
        run(model, Descent(learning_rate=1e30, epochs=3))
    assert same(weights(model), weights(conv()))
    assert str(caught.value) == (
        "loss or weights not finite in epoch 1 of 3; try a learning rate below 1e+30"
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 2])
def test_divergence_rolls_back_to_the_end_of_the_last_finite_epoch(bad, at):
    """The loss breaks in the third epoch, at its first or last of three steps."""
    model, calls = conv(), []

    def loss(batch):
        calls.append(1)
        value = F.cross_entropy(model(batch.inputs), batch.labels)
        return value * bad if len(calls) == 6 + at + 1 else value

    with pytest.raises(Diverged, match="in epoch 3 of 5"):
        run(model, Descent(learning_rate=0.1, epochs=5), loss=loss)
    two = conv()
    run(two, Descent(learning_rate=0.1, epochs=2))
    assert same(weights(model), weights(two))


def test_weights_that_break_in_the_last_step_of_all_are_noticed():
    """The loss is finite to the end; only the weights after the last step are not."""
    model = mlp()

    def loss(batch):
        return sum((p * 1e38).sum() for p in model.parameters())

    with pytest.raises(Diverged):
        run(model, Descent(learning_rate=10.0, epochs=1, momentum=0), batch_size=21, loss=loss)
    assert same(weights(model), weights(mlp()))


def test_mixed_precision_computes_in_bfloat16_and_keeps_float32_weights():
    model, seen = mlp(), []

    def loss(batch):
        logits = model(batch.inputs)
        seen.append(logits.dtype)
        return F.cross_entropy(logits.float(), batch.labels)

    run(model, Descent(learning_rate=0.1, epochs=1, precision="bfloat16"), loss=loss)
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    with autocast(CPU, "float32"):
        assert model(SPLIT.take(torch.arange(2)).inputs).dtype == torch.float32


# --- recipes ---------------------------------------------------------------------------------


def recipe(**values):
    return Recipe(**{"epochs": 4, "batch_size": 8, "learning_rate": 0.1, **values})


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
    by_hand = torch.optim.SGD(
        expected.parameters(), 0.1, momentum=0.8, weight_decay=0.01, nesterov=True
    )
    loader = Loader(SPLIT, 8, seed=3, name="train")
    for batch in (b for _ in range(4) for b in list(loader.epoch())):
        by_hand.zero_grad()
        F.cross_entropy(expected(batch.inputs), batch.labels).backward()
        by_hand.step()
    assert same(weights(model), weights(expected))


@pytest.mark.parametrize("values", [{"optimizer": "adamw"}, {"momentum": 0.0}])
def test_nesterov_needs_a_momentum_of_sgd(values):
    with pytest.raises(ValidationError, match="needs the optimizer sgd and a momentum above 0"):
        recipe(nesterov=True, **values)


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


def test_a_later_field_counts_in_an_identity_only_where_it_is_on():
    later = {"nesterov", "channels_last", "compile"}
    assert recipe().identity.keys() == Recipe.model_fields.keys() - later
    assert recipe(nesterov=True).identity == {**recipe().identity, "nesterov": True}
    assert recipe(momentum=0.5).identity["momentum"] == 0.5


# --- loader ----------------------------------------------------------------------------------


def ids(batches):
    return [batch.ids.tolist() for batch in batches]


@settings(max_examples=50)
@given(n=st.integers(1, 40), size=st.integers(1, 50), epochs=st.integers(1, 3))
def test_every_example_comes_once_in_an_epoch_and_no_batch_is_a_short_tail(n, size, epochs):
    loader = Loader(blobs(n), size, seed=0, name="forget")
    for _ in range(epochs):
        batches = ids(loader.epoch())
        assert sorted(chain.from_iterable(batches)) == list(range(n))
        sizes = {len(batch) for batch in batches}
        assert max(sizes) <= size
        assert max(sizes) - min(sizes) <= 1
        assert len(batches) == len(loader) == math.ceil(n / size)


@settings(max_examples=50)
@given(n=st.integers(1, 20), sizes=st.lists(st.integers(1, 25), min_size=1, max_size=12))
def test_an_endless_stream_gives_every_example_once_per_shuffle(n, sizes):
    """Whatever the sizes asked for: the stream goes on, and tails are filled from the next one."""
    loader = Loader(blobs(n), 4, seed=0, name="retain")
    stream = []
    for size in sizes:
        batch = loader.next(size).ids.tolist()
        assert len(batch) == min(size, n)
        stream += batch
    counts = Counter(stream[: len(stream) // n * n])
    assert set(counts.values()) <= {len(stream) // n}
    for start in range(0, len(stream) - n + 1, n):
        assert sorted(stream[start : start + n]) == list(range(n))


def test_each_pass_has_an_order_of_its_own():
    loader = Loader(SPLIT, 21, seed=0, name="train")
    orders = [tuple(ids(loader.epoch())[0]) for _ in range(4)]
    orders += [tuple(loader.next(21).ids.tolist()) for _ in range(4)]
    assert len(set(orders)) == 8
    assert tuple(range(21)) not in orders


def test_batches_depend_on_seed_and_name_alone():
    def order(seed, name):
        return ids(Loader(SPLIT, 4, seed=seed, name=name).epoch())

    torch.manual_seed(5)
    first = order(0, "forget")
    torch.manual_seed(6)
    other = Loader(SPLIT, 4, seed=0, name="retain")
    other.next(3)
    assert order(0, "forget") == first
    assert order(1, "forget") != first
    assert order(0, "retain") != first


def test_augmentation_draws_from_a_generator_of_its_own():
    plain = list(Loader(SPLIT, 4, seed=0, name="train").epoch())
    augmented = list(Loader(SPLIT, 4, seed=0, name="train", augment=True).epoch())
    again = list(Loader(SPLIT, 4, seed=0, name="train", augment=True).epoch())
    assert ids(plain) == ids(augmented)
    assert not torch.equal(plain[0].inputs, augmented[0].inputs)
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(augmented, again, strict=True))


def test_a_batch_pairs_inputs_labels_and_ids():
    for split in (SPLIT, tokens(9)):
        for batch in Loader(split, 4, seed=0, name="train").epoch():
            whole = split.take(torch.arange(len(split)))
            assert torch.equal(batch.labels, whole.labels[batch.ids])
            name = "input_ids" if isinstance(batch.inputs, dict) else None
            ours = batch.inputs[name] if name else batch.inputs
            theirs = whole.inputs[name] if name else whole.inputs
            assert torch.equal(ours, theirs[batch.ids])


# --- evaluation ------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "split"), [(conv, SPLIT), (text, tokens(9))])
@pytest.mark.parametrize("batch_size", [1, 4, 512])
def test_evaluation_is_one_pass_in_order_without_augmentation(make, split, batch_size):
    model = make().train()
    before = weights(model)
    found = logits_of(model, split, batch_size)
    assert model.training
    assert same(before, weights(model))
    with torch.no_grad():
        expected = model.eval()(split.take(torch.arange(len(split))).inputs).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_evaluation_needs_no_gradient_and_sees_each_example_once():
    meter, model = Meter(), conv()
    with meter.watch(model):
        logits_of(model, SPLIT, 4)
    assert (meter.forward_examples, meter.backward_examples) == (21, 0)


# --- meter -----------------------------------------------------------------------------------


def test_examples_forward_and_backward_are_those_of_the_batches():
    meter, model = Meter(), mlp()
    with meter.watch(model):
        run(model, Descent(learning_rate=0.1, epochs=3))
    assert (meter.forward_examples, meter.backward_examples) == (63, 63)
    model(SPLIT.take(torch.arange(4)).inputs)
    assert meter.forward_examples == 63


def test_a_pass_without_gradient_is_forward_alone():
    meter, model = Meter(), mlp()
    inputs = SPLIT.take(torch.arange(5)).inputs
    with meter.watch(model), torch.no_grad():
        model(inputs)
    assert (meter.forward_examples, meter.backward_examples) == (5, 0)


def test_backward_counts_where_it_runs_and_as_often_as_it_runs():
    meter, model = Meter(), mlp()
    inputs = SPLIT.take(torch.arange(5)).inputs
    with meter.watch(model):
        model(inputs)  # never backward
        output = model(inputs)
        output.sum().backward(retain_graph=True)
        output.sum().backward()
    assert (meter.forward_examples, meter.backward_examples) == (10, 10)


def test_a_teacher_copied_from_a_watched_model_counts_into_the_same_meter():
    meter, model = Meter(), mlp()
    inputs = SPLIT.take(torch.arange(5)).inputs
    with meter.watch(model):
        teacher = copy.deepcopy(model).requires_grad_(False)
        teacher(inputs)
        F.mse_loss(model(inputs), teacher(inputs)).backward()
    assert (meter.forward_examples, meter.backward_examples) == (15, 5)


def test_a_paused_meter_counts_only_what_it_is_told():
    meter, model = Meter(), mlp()
    inputs = SPLIT.take(torch.arange(5)).inputs
    with meter.watch(model):
        with meter.paused():
            model(inputs).sum().backward()
            meter.count(forward=2, backward=1)
        model(inputs)
    assert (meter.forward_examples, meter.backward_examples) == (7, 1)


def test_dict_inputs_are_counted_by_their_examples():
    meter, model = Meter(), text()
    with meter.watch(model):
        model(tokens(9).take(torch.arange(6)).inputs).sum().backward()
    assert (meter.forward_examples, meter.backward_examples) == (6, 6)


class FakeTime:
    def __init__(self):
        self.wall = self.cpu = 0.0

    def perf_counter(self):
        return self.wall

    def process_time(self):
        return self.cpu


def test_rte_on_a_processor_is_its_time_and_wall_time_stands_beside_it(monkeypatch):
    clock, meter = FakeTime(), Meter()
    monkeypatch.setattr(meter_module, "time", clock)
    clock.wall, clock.cpu = 100.0, 50.0
    meter.count(forward=9)
    with measure(CPU, meter) as timed:
        clock.wall += 7.0
        clock.cpu += 3.0
        meter.count(forward=2, backward=1)
    clock.wall += 1000.0
    cost = timed.cost
    assert (cost.rte_seconds, cost.wall_seconds) == (3.0, 7.0)
    assert (cost.forward_examples, cost.backward_examples) == (2, 1)


def test_a_region_that_fails_is_measured_all_the_same(monkeypatch):
    clock = FakeTime()
    monkeypatch.setattr(meter_module, "time", clock)
    with suppress(Diverged), measure(CPU, Meter()) as timed:
        clock.cpu += 2.0
        raise Diverged
    assert timed.cost.rte_seconds == 2.0


def test_costs_add_up_and_peaks_do_not():
    total = Cost(1.0, 2.0, 3, 4, 5.0) + Cost(10.0, 20.0, 30, 40, 1.0)
    assert total == Cost(11.0, 22.0, 33, 44, 5.0)


def fill(mib):
    """Memory that is new to the process: malloc might hand out what earlier tests left resident."""
    with mmap.mmap(-1, mib * 2**20) as block:
        for _ in range(mib):
            block.write(b"1" * 2**20)


def test_peak_memory_is_that_of_the_region_and_ignores_earlier_peaks():
    fill(120)  # an earlier peak, freed at once
    with measure(CPU, Meter()) as nothing:
        pass
    with measure(CPU, Meter()) as something:
        fill(60)
    assert nothing.cost.peak_mib < 20
    assert 50 < something.cost.peak_mib < 100


@pytest.mark.gpu
def test_peak_memory_of_a_gpu_is_that_of_the_region_and_ignores_earlier_peaks():
    gpu = torch.device("cuda")
    torch.empty(120 * 2**20, dtype=torch.uint8, device=gpu)  # an earlier peak, freed at once
    with measure(gpu, Meter()) as nothing:
        pass
    with measure(gpu, Meter()) as something:
        torch.empty(60 * 2**20, dtype=torch.uint8, device=gpu)
    assert nothing.cost.peak_mib == 0
    assert something.cost.peak_mib == pytest.approx(60, abs=2)


@pytest.mark.gpu
def test_rte_on_a_gpu_is_wall_time():
    with measure(torch.device("cuda"), Meter()) as timed:
        pass
    assert timed.cost.rte_seconds == timed.cost.wall_seconds > 0


def test_flops_are_two_for_every_multiplication_and_add():
    model = mlp()
    one = SPLIT.take(torch.arange(1)).inputs
    forward, backward = flops_per_example(model, one)
    assert forward == 2 * (16 * 8 + 8 * 3)
    # Weights' gradients of both layers, and the inputs' gradient of the second.
    assert backward == 2 * (16 * 8 + 2 * 8 * 3)
    assert all(p.grad is None for p in model.parameters())
    assert model.training


def test_flops_leave_batch_norm_as_it_was():
    model = conv()
    before = weights(model)
    flops_per_example(model, SPLIT.take(torch.arange(1)).inputs)
    assert same(before, weights(model))


def test_a_split_of_one_example_trains():
    one = split_of(torch.ones(1, 16), torch.zeros(1, dtype=torch.int64))
    model = mlp()
    fit(model, one, recipe(batch_size=64), seed=0)
    assert not same(weights(model), weights(mlp()))


def test_augmentation_changes_no_order_in_later_epochs():
    plain, augmented = (Loader(blobs(21), 4, seed=0, name="x", augment=a) for a in (False, True))
    for _ in range(3):
        found = [[batch.ids.tolist() for batch in each.epoch()] for each in (plain, augmented)]
        assert found[0] == found[1]


def short(model, loss=None, hooks=None, **changes):
    """Two epochs of three steps over blobs."""
    loader = Loader(blobs(21), 8, seed=0, name="train")

    def usual(batch):
        return F.cross_entropy(model(batch.inputs), batch.labels)

    settings_ = Descent(**{"learning_rate": 0.1, "epochs": 2, **changes})
    batches = {"batches": lambda _: loader.epoch(), "loss": loss or usual}
    descend(model, settings_, **batches, steps_per_epoch=3, hooks=hooks)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_loss_that_is_not_finite_ends_the_descent_though_its_gradient_is(bad, at):
    model, calls = conv(), []

    def loss(batch):
        calls.append(1)
        value = F.cross_entropy(model(batch.inputs), batch.labels)
        return value + (bad if len(calls) == at + 1 else 0)

    with pytest.raises(Diverged, match="in epoch 1 of 2"):
        short(model, loss)
    assert len(calls) == at + 1
    assert same(weights(model), weights(conv()))


class Overflowing(nn.Module):
    """Its buffer is infinite after the first look."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, inputs):
        self.mean.fill_(math.inf)
        return self.weight.expand(len(inputs), 3)


def test_a_buffer_that_overflows_is_a_divergence():
    with pytest.raises(Diverged, match="in epoch 1 of 2"):
        short(Overflowing())


def test_gradients_are_clipped_before_a_hook_sees_them():
    model, norms = mlp(), []

    def look(_):
        norms.append(torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item())

    short(model, hooks=Hooks(before_step=look), epochs=1, clip_norm=0.05)
    assert norms == pytest.approx([0.05] * 3, rel=1e-4)


def test_frozen_statistics_stay_frozen_after_a_look_at_an_epochs_end():
    model = conv()
    hooks = Hooks(after_epoch=lambda _: model.train() is None)
    short(model, hooks=hooks, learning_rate=0.0, weight_decay=0.0, bn_mode="eval_frozen")
    assert same(weights(model), weights(conv()))


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adamw_takes_the_weight_decay_that_it_is_given(decay):
    settings_ = Descent(learning_rate=0.1, epochs=1, optimizer="adamw", weight_decay=decay)
    assert make_optimizer(mlp(), settings_).param_groups[0]["weight_decay"] == decay


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adma"}, "optimizer: unknown value 'adma'; did you mean 'adamw'?"),
        ({"bn_mode": "xx"}, "bn_mode: unknown value 'xx'; known: eval_frozen, train"),
        ({"learning_rate": math.nan}, "learning_rate: 0 or more is needed; got nan"),
        ({"epochs": -1}, "epochs: 0 or more is needed; got -1"),
        ({"momentum": 1.0}, "momentum: a momentum below 1 is needed; got 1.0"),
    ],
)
def test_settings_out_of_their_limits_are_an_error(changes, message):
    with pytest.raises(InputError) as caught:
        short(mlp(), **changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_fit_trains_in_the_precision_of_its_recipe(precision):
    model, seen = mlp(), set()
    model.classifier.register_forward_hook(lambda _, inputs, logits: seen.add(logits.dtype))
    fit(model, blobs(16), recipe(precision=precision, epochs=1), seed=0)
    assert seen == {getattr(torch, precision)}
