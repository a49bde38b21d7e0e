"""Probes and CKA: closed forms, and models whose answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from mubench.errors import Refused
from mubench.evidence.probe import linear_cka, probe
from mubench.sweep.evidence import ProbeSpec
from tests.support.examined import subject
from tests.support.toy import Net, blobs, mlp, seeded, split_of, train

ASKED = ProbeSpec(examples=400)


def identity():
    """Features are the inputs themselves."""
    return seeded(lambda: Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 16)), 16))


def through(matrix):
    model = identity()
    with torch.no_grad():
        model.body[1].weight.copy_(matrix)
        model.body[1].bias.zero_()
    return model


def test_a_probe_reads_what_features_hold_and_no_more():
    split = blobs(600, noise=0.3)
    clear, blank = through(torch.eye(16)), through(torch.zeros(16, 16))
    assert probe(subject(clear, split=split, n_forget=200), ASKED)["probe_last"] == 1
    blind = probe(subject(blank, split=split, n_forget=200), ASKED)["probe_last"]
    assert blind == pytest.approx(1 / 3, abs=0.1)  # one class for all


def test_a_probe_is_ridge_regression_by_its_normal_equations():
    split = blobs(600, noise=2.0)
    one = subject(through(torch.eye(16)), split=split, n_forget=200)
    share = min(0.5, 400 / 600)
    known, asked = one.drawn(one.forget, int(share * 200), "probe forget")
    kept, _ = one.drawn(one.retain, int(share * 400), "probe retain")
    x, y = (
        torch.cat([getattr(part.take(torch.arange(len(part))), field) for part in (known, kept)])
        for field in ("inputs", "labels")
    )
    x = x.flatten(1).double().numpy()
    mean, std = x.mean(0), x.std(0)
    z = (x - mean) / std
    targets = 2.0 * np.eye(3)[y.numpy()] - 1
    W = np.linalg.solve(z.T @ z + np.eye(16), z.T @ (targets - targets.mean(0)))
    batch = asked.take(torch.arange(len(asked)))
    rows = (batch.inputs.flatten(1).double().numpy() - mean) / std
    right = (rows @ W + targets.mean(0)).argmax(1) == batch.labels.numpy()
    assert 0.4 < right.mean() < 0.95
    assert probe(one, ASKED)["probe_last"] == pytest.approx(right.mean())


def test_probes_are_fitted_without_the_examples_that_they_are_tested_on():
    """Labels of noise can be fitted by heart alone."""
    noise = torch.Generator().manual_seed(2)
    labels = torch.randint(0, 3, (120,), generator=noise)
    split = split_of(torch.randn(120, 1, 4, 4, generator=noise), labels)
    assert probe(subject(through(torch.eye(16)), split=split, n_forget=60), ASKED)[
        "probe_last"
    ] == pytest.approx(1 / 3, abs=0.2)


def test_a_single_forgotten_example_has_no_probe():
    assert not [name for name in probe(subject(n_forget=1), ASKED) if name.startswith("probe")]


def test_cka_by_its_definition():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(30, 5)), generator.normal(size=(30, 7))
    center = np.eye(30) - 1 / 30
    k, m = center @ x @ x.T @ center, center @ y @ y.T @ center
    expected = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-10)
    assert linear_cka(x[:4], y[:4]) == pytest.approx(linear_cka(y[:4], x[:4]), rel=1e-10)


@pytest.mark.parametrize("n", [4, 40])
def test_cka_ignores_rotation_scale_and_shift(n):
    generator = np.random.default_rng(1)
    x = generator.normal(size=(n, 6))
    rotation, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    assert linear_cka(x, 3 * x @ rotation + 5) == pytest.approx(1, rel=1e-10)
    assert np.isnan(linear_cka(x, np.ones((n, 3))))


def test_cka_is_with_both_references():
    model = mlp()
    train(model, blobs(60), epochs=5)
    found = probe(subject(model, original=model), ASKED)
    assert found["cka_original"] == pytest.approx(1, rel=1e-6)
    assert 0 < found["cka_retrain"] < 0.999
    assert "cka_retrain" not in probe(subject(model, retrained=None), ASKED)


def test_a_model_without_a_linear_classifier_is_refused():
    odd = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.Linear(3, 4))
    with pytest.raises(Refused, match="no linear layer"):
        probe(subject(odd), ASKED)
