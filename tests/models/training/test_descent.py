"""The descent loop against one written by hand, and where it stops."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mubench.errors import Diverged, InputError
from mubench.models.training.cost_meter import Meter, measure
from mubench.models.training.descent import (
    Descent,
    Hooks,
    autocast,
    descend,
    is_finite,
    make_optimizer,
    set_mode,
)
from mubench.models.training.loader import Loader
from tests.support.descents import CPU, SPLIT, run
from tests.support.simulated_device import THERE, SimulatedDevice
from tests.support.toy import blobs, conv, mlp, same, weights


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
    kind = {"sgd": partial(torch.optim.SGD, momentum=0.9), "adamw": torch.optim.AdamW}[optimizer]
    by_hand = kind(expected.parameters(), 0.1, weight_decay=0.01, fused=True)
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


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", ["sgd", "adamw", "sam"])
def test_one_kernel_makes_a_step_where_memory_is_dense(name, device):
    settings_ = Descent(learning_rate=0.1, epochs=1, optimizer=name)
    model = conv().to(device)
    assert make_optimizer(model, settings_).defaults["fused"]
    assert make_optimizer(model.to(memory_format=torch.channels_last), settings_).defaults["fused"]
    strided = nn.ParameterList([nn.Parameter(torch.randn(4, 6, device=device)[:, :3])])
    assert not make_optimizer(strided, settings_).defaults["fused"]


STEPS = {
    "sgd": (partial(torch.optim.SGD, momentum=0.9), {}),
    "plain": (torch.optim.SGD, {"momentum": 0.0}),
    "nesterov": (partial(torch.optim.SGD, momentum=0.9, nesterov=True), {"nesterov": True}),
    "adamw": (torch.optim.AdamW, {"optimizer": "adamw"}),
}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_in_one_kernel_is_torchs_own_step_also_for_a_late_first_gradient(name, layout):
    kind, changes = STEPS[name]
    models = [conv().double().eval().to(memory_format=layout) for _ in range(2)]
    settings_ = Descent(learning_rate=0.1, epochs=1, weight_decay=0.01, **changes)
    ours = make_optimizer(models[0], settings_)
    theirs = kind(models[1].parameters(), 0.1, weight_decay=0.01, fused=False, foreach=False)
    assert ours.defaults["fused"]
    inputs = torch.randn(6, 1, 4, 4, dtype=torch.float64)
    for step in range(4):
        for model, optimizer in zip(models, (ours, theirs), strict=True):
            optimizer.zero_grad()
            model(inputs).square().sum().backward()
            if step < 2:  # as for a layer that a model leaves out at first
                next(model.parameters()).grad = None
            optimizer.step()
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-14)
    assert not same(weights(models[0]), weights(conv().double()))


def test_all_weights_are_asked_once_whether_they_are_finite():
    with SimulatedDevice() as device:
        model = conv().to(THERE)
        with device.counted() as waits:
            assert is_finite(model)
        assert sum(waits.values()) == 1
        model.body[1].running_mean[0] = math.nan
        assert not is_finite(model)


@pytest.mark.gpu
def test_rte_on_a_gpu_is_wall_time():
    with measure(torch.device("cuda"), Meter()) as timed:
        pass
    assert timed.cost.rte_seconds == timed.cost.wall_seconds > 0


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


@pytest.mark.parametrize("place", ["1.weight", "1.running_var"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [(math.nan, False), (math.inf, False), (-math.inf, False), (-torch.finfo().max, True)],
)
def test_one_value_decides_whether_a_model_is_finite(place, value, expected):
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    assert is_finite(model)
    model.state_dict()[place][2] = value
    assert is_finite(model) is expected


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


def test_a_late_divergence_goes_back_to_the_last_finite_epoch():
    split, model, expected = blobs(12), conv(), conv()

    def descent(model, epochs, poison):
        steps = []

        def loss(batch):
            steps.append(1)
            value = torch.nn.functional.cross_entropy(model(batch.inputs), batch.labels)
            return value * (float("nan") if poison and len(steps) == 8 else 1)

        loader = Loader(split, 4, seed=0, name="x")
        settings = Descent(learning_rate=0.1, epochs=epochs)
        descend(model, settings, lambda _: loader.epoch(), loss, steps_per_epoch=len(loader))

    with pytest.raises(Diverged, match="epoch 3 of 5"):
        descent(model, epochs=5, poison=True)
    descent(expected, epochs=2, poison=False)
    assert same(weights(model), weights(expected))


def test_gradients_that_a_hook_lays_out_otherwise_are_laid_out_as_their_weights():
    """The kernel of a step walks through memory: it would add one weight's gradient to another."""

    def reversed_in_memory(optimizer):
        for p in optimizer.param_groups[0]["params"]:
            if p.dim() == 4:
                p.grad = (2 * p.grad).permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)

    def doubled(optimizer):
        for p in optimizer.param_groups[0]["params"]:
            if p.dim() == 4:
                p.grad.mul_(2)

    models = [conv(), conv()]
    for model, hook in zip(models, (reversed_in_memory, doubled), strict=True):
        short(model, hooks=Hooks(before_step=hook))
    assert same(*map(weights, models))


def test_sparse_gradients_make_a_step():
    model = nn.Embedding(5, 2, sparse=True)
    before = model.weight.detach().clone()
    settings_ = Descent(learning_rate=0.5, epochs=1, momentum=0.0, weight_decay=0.0)
    row = torch.tensor([3])
    descend(model, settings_, lambda _: [row], lambda at: model(at).sum(), steps_per_epoch=1)
    before[3] -= 0.5
    assert torch.equal(model.weight, before)


class Growing(nn.Module):
    """A buffer that is as long as there were batches, and none before the first."""

    def __init__(self):
        super().__init__()
        self.layer = mlp()
        self.register_buffer("seen", None)

    def forward(self, inputs):
        self.seen = torch.ones(1 if self.seen is None else len(self.seen) + 1)
        return self.layer(inputs)


def test_buffers_may_come_and_grow():
    model = Growing()
    short(model)
    assert len(model.seen) == 6
    expected = mlp()
    short(expected)
    assert same(weights(model.layer), weights(expected))


class Merging(nn.Linear):
    """A layer that acts when it changes its mode, as those that merge adapters do."""

    merged = False

    def train(self, mode=True):
        self.merged = not mode
        return super().train(mode)


def test_a_layer_that_acts_in_train_is_asked_after_a_look_at_an_epochs_end():
    model = nn.Sequential(nn.Flatten(), Merging(16, 3))
    found = []

    def loss(batch):
        found.append((model[1].training, model[1].merged))
        return F.cross_entropy(model(batch.inputs), batch.labels)

    short(model, loss=loss, hooks=Hooks(after_epoch=lambda _: bool(model.eval()) and False))
    assert set(found) == {(True, False)}
