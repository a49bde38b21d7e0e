"""The meter: examples, time, memory and FLOPs."""

import copy
import math
import mmap
import subprocess
import sys
from contextlib import suppress

import pytest
import torch
from torch.nn import functional as F

from mubench.errors import Diverged
from mubench.models.training import cost_meter as meter_module
from mubench.models.training.cost_meter import (
    Cost,
    Meter,
    Stopwatch,
    flops_per_example,
    measure,
    weight_change,
)
from mubench.models.training.descent import Descent
from mubench.models.training.energy import Counter
from tests.support.descents import CPU, SPLIT, run
from tests.support.kinds_of_models import new_model
from tests.support.toy import CLASSES, conv, mlp, same, text, tokens, weights


def test_attention_counts_among_the_flops():
    model, (n, d) = new_model("vit_mini"), (17, 64)
    layer = n * (2 * d * 3 * d + 2 * d * d + 2 * 2 * d * 4 * d) + 2 * 2 * n * n * d
    embedding, classifier = 2 * 16 * (3 * 16) * d, 2 * d * CLASSES
    forward, backward = flops_per_example(model, torch.zeros(1, 3, 16, 16))
    assert forward == 3 * layer + embedding + classifier
    assert backward == 2 * forward - embedding  # no gradient in the images


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


def test_a_stopwatch_adds_up_pieces_without_the_pauses(monkeypatch):
    clock = FakeTime()
    monkeypatch.setattr(meter_module, "time", clock)
    watch = Stopwatch(CPU)
    clock.wall, clock.cpu = clock.wall + 8, clock.cpu + 2
    with suppress(Diverged), watch.paused():
        clock.wall, clock.cpu = clock.wall + 1000, clock.cpu + 1000
        raise Diverged
    clock.wall, clock.cpu = clock.wall + 4, clock.cpu + 1
    assert watch.cost == Cost(rte_seconds=2.0, wall_seconds=8.0)
    watch.stop()
    assert watch.cost == Cost(rte_seconds=3.0, wall_seconds=12.0)


def test_energy_adds_up_where_all_of_it_is_known():
    some, more = Cost(energy_joules=2.0), Cost(energy_joules=0.5)
    assert (some + more).energy_joules == 2.5
    assert (some + Cost()).energy_joules is None
    assert (Cost() + some).energy_joules is None


def test_the_energy_of_a_region_is_what_the_counters_say(monkeypatch):
    readings = iter([(Counter(5.0),), (Counter(12.0),)])
    monkeypatch.setattr(meter_module, "counters", lambda device: next(readings))
    with measure(CPU, Meter()) as timed:
        pass
    assert timed.cost.energy_joules == 7.0


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


def test_the_change_of_weights_is_relative_to_all_weights_of_the_original():
    before, after = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    for model, (first, second, bias) in ((before, (3.0, 0.0, 4.0)), (after, (3.0, 1.0, 2.0))):
        state = {"weight": torch.tensor([[first, second]]), "bias": torch.tensor([bias])}
        model.load_state_dict(state)
    assert weight_change(after, before) == math.sqrt((1 + 4) / (9 + 16))
    assert weight_change(before, before) == 0.0


FIRST = """
import sys, torch
from mubench.models.training.cost_meter import Meter, Stopwatch, measure
assert "torch._dynamo" not in sys.modules
{}
assert "torch._dynamo" in sys.modules
before = set(sys.modules)
torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
assert set(sys.modules) == before, "an optimizer loads nothing more"
"""


@pytest.mark.parametrize(
    "start", ["measure(torch.device('cpu'), Meter()).__enter__()", "Stopwatch(torch.device('cpu'))"]
)
def test_what_torch_loads_with_its_first_optimizer_is_loaded_before_a_clock_runs(start):
    """It takes a second of CPU: the first step of each worker would seem so much slower."""
    subprocess.run([sys.executable, "-c", FIRST.format(start)], check=True)
