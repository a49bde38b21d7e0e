"""Bad Teacher against hand-coded losses."""

import pytest
import torch
import torch.nn.functional as F

from mubench.errors import InputError
from mubench.methods.bad_teacher import BadTeacher
from mubench.methods.npo import NPO
from tests.support.distillation import PLAIN_SGD, double_task
from tests.support.toy import CLASSES, blobs, conv, distance, mlp, task_of, train
from tests.support.toy import weights as weights_of


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_bad_teacher_learns_from_the_untrained_model_on_forget_and_the_original_on_retain(
    temperature, steps
):
    original = conv().double()
    train(original, blobs(24, dtype=torch.float64), epochs=3)
    task = task_of(
        blobs(24, dtype=torch.float64), 8, new_model=lambda: mlp().double()
    )  # another architecture, so that a mix-up shows
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 24, "retain_fraction": 1.0}
    BadTeacher(temperature=temperature, **settings).run(original, task)
    [((batch, n_forget), found)] = steps
    assert n_forget == 8
    assert sorted(batch.ids[:8].tolist()) == list(range(8))
    assert sorted(batch.ids[8:].tolist()) == list(range(8, 24))
    x = batch.inputs
    with torch.no_grad():
        target = torch.cat([mlp().double()(x[:8]), original.eval()(x[8:])])
        student = original.train()(x)
    log_q, p = (student / temperature).log_softmax(1), (target / temperature).softmax(1)
    expected = temperature**2 * CLASSES * F.kl_div(log_q, p, reduction="none").mean().item()
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_untrained_teacher_is_in_evaluation_mode(steps):
    original = conv().double()
    task = task_of(blobs(24, dtype=torch.float64), 8, new_model=lambda: conv().double().train())
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 8, "retain_fraction": 0.0}
    BadTeacher(**settings).run(original, task)
    [((batch, _), found)] = steps
    with torch.no_grad():
        p = conv().double().eval()(batch.inputs).softmax(1)
        log_q = original.train()(batch.inputs).log_softmax(1)
    assert found == pytest.approx((p * (p.log() - log_q)).sum(1).mean().item(), rel=1e-12)
    assert found > 1e-6


def test_with_nothing_to_forget_the_loss_and_its_gradient_are_zero(steps):
    original = conv().double()
    task = double_task(16, 0)
    settings = PLAIN_SGD | {"epochs": 2, "batch_size": 4, "learning_rate": 1.0}
    found = BadTeacher(retain_fraction=1.0, bn_mode="eval_frozen", **settings).run(original, task)
    assert found.status == "ok"
    assert len(steps) == 2 * 4
    assert max(abs(value) for _, value in steps) < 1e-12
    assert distance(weights_of(found.model), weights_of(original)) < 1e-12


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.3, 6), (1.0, 20)])
def test_a_part_of_the_retain_set_is_drawn_once(fraction, count, steps):
    settings = {"epochs": 3, "batch_size": 8, "retain_fraction": fraction}
    found = BadTeacher(**settings).run(mlp(), task_of(blobs(30), 10))
    ids = [int(i) for (batch, _), _ in steps for i in batch.ids]
    epochs = [ids[start : start + 10 + count] for start in range(0, len(ids), 10 + count)]
    assert len(epochs) == 3
    assert all(len(set(epoch)) == 10 + count for epoch in epochs)
    assert {frozenset(epoch) for epoch in epochs} == {frozenset(epochs[0])}
    assert set(range(10)) <= set(epochs[0])
    assert found.cost.forward_examples == 2 * 3 * (10 + count)
    assert found.cost.backward_examples == 3 * (10 + count)


def test_another_seed_draws_another_part(steps):
    for seed in (0, 1):
        BadTeacher(batch_size=30).run(mlp(), task_of(blobs(30), 10, seed=seed))
    first, second = ({int(i) for i in batch.ids} for (batch, _), _ in steps)
    assert len(first) == len(second) == 16
    assert first != second


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        (NPO, {"beta": 0.0}, "beta: 0.0 is not above 0"),
        (BadTeacher, {"temperature": 0.0}, "temperature: 0.0 is not above 0"),
        (BadTeacher, {"retain_fraction": 1.1}, r"retain_fraction: 1.1 is not in \[0, 1\]"),
    ],
)
def test_settings_out_of_range_are_refused(method, changes, message):
    with pytest.raises(InputError, match=message):
        method(**changes)
