"""Fisher forgetting: closed forms of the information, and of the noise that it asks for."""

import pytest
import torch
from torch import nn

from mubench.errors import Refused
from mubench.methods.ff import FF, draw_labels, root_weighted
from mubench.methods.shared import gradients
from mubench.models.training.cost_meter import Meter
from tests.support.toy import (
    CLASSES,
    Net,
    blobs,
    conv,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    text,
    tokens,
    weights,
)
from tests.support.vectors import normal


def regression(n=12, features=5):
    """Softmax regression at random weights, its task, and D_r's inputs (n, features)."""
    model, x = softmax_regression(features), normal(n + 6, features)
    with torch.no_grad():
        model.classifier.weight.mul_(4)
    task = task_of(split_of(x, torch.arange(n + 6) % CLASSES), 6)
    return model, task, x[6:]


def closed_form(model, x):
    """mean_x x_j^2 q_k (1 - q_k), and for the biases mean_x q_k (1 - q_k), flat."""
    q = model(x).detach().softmax(1)
    spread = q * (1 - q)
    return torch.cat([(spread.T @ x**2 / len(x)).flatten(), spread.mean(0)])


@pytest.mark.parametrize(
    ("limit", "most"),
    [("CHUNK", m) for m in (1, 2, 7, 64)] + [("GRADIENT_ENTRIES", m) for m in (1, 40, 100)],
)
def test_the_fisher_of_softmax_regression_is_the_closed_form_in_every_chunking(
    limit, most, monkeypatch
):
    model, task, x = regression()
    monkeypatch.setattr(gradients, limit, most)
    found = FF().run_prepare(model, task)
    assert (found.value["fisher"] - closed_form(model, x)).abs().max() < 1e-10
    assert (found.cost.forward_examples, found.cost.backward_examples) == (12, CLASSES * 12)


@pytest.mark.parametrize(
    ("most", "entries"), [(64, 10**6), (7, 10**6), (2, 10**6), (64, 100), (64, 1)]
)
def test_no_chunk_holds_more_gradients_than_it_may(most, entries, monkeypatch):
    model, task, _ = regression()
    monkeypatch.setattr(gradients, "CHUNK", most)
    monkeypatch.setattr(gradients, "GRADIENT_ENTRIES", entries)
    at_once = []

    def fold(rows):
        at_once.append(len(rows))
        return rows.sum(0)

    found = gradients._example_gradients(model, task.retain, Meter(), root_weighted, CLASSES, fold)
    chunks = [len(chunk["classifier.weight"]) for chunk in found]
    held = max(chunks) * max(at_once)
    assert held <= max(1, min(most, entries // 18))  # 18 parameters
    assert sum(chunks) == 12


@pytest.mark.parametrize("net", [mlp, conv, text])
def test_the_fisher_of_a_network_is_the_loop_over_examples_and_labels(net):
    split = tokens(9) if net is text else blobs(9, dtype=torch.float64)
    model = net().double().eval()
    parameters, expected = list(model.parameters()), 0
    for row in range(9):
        log_q = model(split.take(torch.tensor([row])).inputs)[0].log_softmax(0)
        for k in range(CLASSES):
            g = gradients.flatten(torch.autograd.grad(log_q[k], parameters, retain_graph=True))
            expected = expected + log_q[k].exp().detach() * g**2 / 9
    found = gradients.squared_gradients(model, split, Meter(), root_weighted, CLASSES)
    assert (found - expected).abs().max() < 1e-10


def test_the_expectation_is_over_the_models_labels_not_the_true_ones():
    model, task, _ = regression()
    splits = dict(task.splits)
    splits["retain"] = task.retain.with_labels(torch.zeros(12, dtype=torch.int64))
    relabelled = type(task)(splits=splits, num_classes=CLASSES, seed=0, new_model=mlp)
    for method in (FF(), FF(label_samples=2)):
        first, second = (method.run_prepare(model, t).value["fisher"] for t in (task, relabelled))
        assert torch.equal(first, second)


def test_sampled_labels_give_the_same_fisher_on_average():
    model, task, x = regression()
    found = FF(label_samples=400).run_prepare(model, task).value["fisher"]
    expected = closed_form(model, x)
    assert (found - expected).norm() < 0.06 * expected.norm()
    assert not torch.equal(found, expected)


def test_labels_are_drawn_from_the_models_probabilities():
    model, task, x = regression(n=3)
    labels = draw_labels(model, task.retain, 20_000, torch.Generator().manual_seed(0))
    shares = torch.nn.functional.one_hot(labels, CLASSES).double().mean(1)
    assert (shares - model(x).softmax(1)).abs().max() < 4 * (0.25 / 20_000) ** 0.5


def test_takes_a_random_sample_of_the_retain_set():
    model, task, x = regression()
    found = FF(fisher_examples=8).run_prepare(model, task)
    order = torch.randperm(12, generator=task.generator("fisher"))[:8]
    assert (found.value["fisher"] - closed_form(model, x[order])).abs().max() < 1e-10
    assert found.cost.forward_examples == 8


def test_sampled_labels_cost_a_forward_pass_and_a_pass_of_both_kinds_per_draw():
    model, task, _ = regression()
    cost = FF(label_samples=2).run_prepare(model, task).cost
    assert (cost.forward_examples, cost.backward_examples) == (12 + 2 * 12, 2 * 12)


class Oddly(Net):
    """A convolution with as many filters as there are classes, before a classifier of as many."""

    def __init__(self):
        body = (nn.Conv2d(1, CLASSES, 3, padding=1), nn.BatchNorm2d(CLASSES), nn.Flatten())
        super().__init__(nn.Sequential(*body), 16 * CLASSES)


def by_loops(model, fisher, task, scale, gone=()):
    """theta_u entry by entry from the definition, with the method's own normal numbers."""
    generator, at, expected = task.generator("noise"), 0, {}
    for name, p in model.named_parameters():
        F = fisher[at : at + p.numel()].view_as(p)
        at += p.numel()
        is_last = name.startswith("classifier")
        s = scale * torch.minimum(1 / (F + 1e-8), torch.tensor(100.0 if is_last else 1000.0))
        if p.ndim == 4:
            s = torch.stack([s.mean(1)] * p.shape[1], 1)
        elif p.ndim == 2:
            s = torch.stack([row.mean().expand(p.shape[1]) for row in s])
        mean = p.detach().clone()
        for k in gone if is_last else ():
            mean[k], s[k] = 0.0, 1e-4
        if is_last or p.ndim == 1:
            s = 10 * s
        expected[name] = mean + s.sqrt() * torch.randn(
            p.shape, generator=generator, dtype=torch.float64
        )
    return expected


def lacking_a_class(n=30):
    """D_f is the whole of class 1."""
    full = blobs(n, dtype=torch.float64)
    order = (full.labels != 1).long().argsort(stable=True)
    return task_of(full.subset(order), n // CLASSES)


@pytest.mark.parametrize("gone", [(), (1,)], ids=["random request", "a class as a whole"])
def test_the_noise_is_the_definition_entry_by_entry(gone):
    model = Oddly().double()
    task = lacking_a_class() if gone else task_of(blobs(30, dtype=torch.float64), 10)
    d = sum(p.numel() for p in model.parameters())
    fisher = normal(d).exp() * 1e-2 * (torch.arange(d) % 3 > 0)  # a third of it 0
    expected = by_loops(model, fisher, task, 1e-4, gone)
    FF(noise_scale=1e-4).unlearn(model, task, {"fisher": fisher})
    for name, p in model.named_parameters():
        assert (p - expected[name]).abs().max() < 1e-12, name
        assert (p - expected[name]).abs().max() < 1e-3 * p.abs().max()


def test_information_of_zero_meets_the_caps():
    model = Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 9000)), 9000).double()
    before = weights(model)
    d = sum(p.numel() for p in model.parameters())
    FF(noise_scale=1e-8).unlearn(model, task_of(blobs(30), 10), {"fisher": torch.zeros(d)})
    moved = {name: (p - before[name]).var().item() for name, p in model.named_parameters()}
    assert moved["body.1.weight"] == pytest.approx(1e-8 * 1e3, rel=0.05)
    assert moved["body.1.bias"] == pytest.approx(1e-8 * 1e3 * 10, rel=0.05)
    assert moved["classifier.weight"] == pytest.approx(1e-8 * 1e2 * 10, rel=0.05)


def test_the_variance_of_the_noise_is_the_scale_over_the_information():
    model = Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 13_000)), 13_000).double()
    before = weights(model)
    d = sum(p.numel() for p in model.parameters())
    prepared = {"fisher": torch.full((d,), 0.04, dtype=torch.float64)}
    FF(noise_scale=1e-6).unlearn(model, task_of(blobs(30), 10), prepared)
    noise = dict(model.named_parameters())["body.1.weight"] - before["body.1.weight"]
    assert noise.numel() > 2e5
    assert noise.var().item() == pytest.approx(1e-6 / 0.04, rel=0.05)
    assert abs(noise.mean().item()) < 4 * (1e-6 / 0.04 / noise.numel()) ** 0.5


@pytest.mark.parametrize("is_class", [True, False])
def test_a_noise_scale_of_zero_changes_no_bit(is_class):
    task = lacking_a_class() if is_class else task_of(blobs(30, dtype=torch.float64), 10)
    model = conv().double()
    found = FF(noise_scale=0.0, fisher_examples=4).run(model, task)
    assert same(weights(found.model), weights(model))


def test_twenty_noise_scales_share_one_fisher():
    original, task = conv(), task_of(blobs(30), 10)
    prepared = FF().run_prepare(original, task)
    runs = [FF(noise_scale=10.0**-k).run(original, task, prepared) for k in range(20)]
    assert task.meter.forward_examples == 20
    assert task.meter.backward_examples == CLASSES * 20
    alone = FF(noise_scale=1e-3).run(original, task)
    assert same(weights(runs[3].model), weights(alone.model))
    moved = [(run.model.classifier.weight - original.classifier.weight).norm() for run in runs]
    assert moved == sorted(moved, reverse=True)


def test_a_model_without_a_classifier_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8))
    with pytest.raises(Refused, match="no linear layer of 3 outputs"):
        FF().run(model, task_of(blobs(30), 10))
