"""Generalised label smoothing and the adaptive rate, against hand values and closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F

from mubench.methods.shared.label_smoothing import (
    AdaptiveAlpha,
    distances,
    gls_kl_divergence,
    gls_loss,
)
from mubench.methods.shared.losses import kl_divergence
from tests.support.toy import CLASSES, blobs, mlp

ALPHAS = [-3.0, -0.5, 0.0, 0.3, 1.0]


def logits_and_labels(classes, n=7):
    generator = torch.Generator().manual_seed(classes)
    logits = 3 * torch.randn(n, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (n,), generator=generator)


def targets(labels, classes, alpha):
    return (1 - alpha) * F.one_hot(labels, classes).double() + alpha / classes


@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_equals_both_printed_forms(classes, alpha):
    logits, labels = logits_and_labels(classes)
    losses = -logits.log_softmax(1)
    true = losses.gather(1, labels[:, None])[:, 0]
    others = losses.sum(1) - true
    two_terms = (1 - alpha * (classes - 1) / classes) * true + alpha / classes * others
    mixture = (1 - alpha) * true + alpha * losses.mean(1)
    found = gls_loss(logits, labels, alpha)
    assert torch.allclose(found, two_terms, rtol=0, atol=1e-10)
    assert torch.allclose(found, mixture, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("alpha", "expected"), [(0.0, 0.1269280110), (-0.5, -0.3730719890), (0.5, 0.6269280110)]
)
def test_gives_the_hand_values(alpha, expected):
    found = gls_loss(torch.tensor([[2.0, 0.0]]).double(), torch.tensor([0]), alpha)
    assert found.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_its_gradient_is_softmax_minus_the_smoothed_target(alpha):
    logits, labels = logits_and_labels(10)
    logits.requires_grad_()
    gls_loss(logits, labels, alpha).sum().backward()
    target = targets(labels, 10, alpha)
    assert torch.allclose(target.sum(1), torch.ones(7).double())
    expected = logits.detach().softmax(1) - target
    assert torch.allclose(logits.grad, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_equals_ordinary_smoothing_where_torch_allows_it(alpha):
    logits, labels = logits_and_labels(10)
    expected = F.cross_entropy(logits, labels, label_smoothing=alpha, reduction="none")
    assert torch.allclose(gls_loss(logits, labels, alpha), expected, rtol=0, atol=1e-10)


def test_a_rate_per_example_equals_a_loop_of_numbers():
    logits, labels = logits_and_labels(10)
    alphas = torch.linspace(-2, 1, 7, dtype=torch.float64)
    one_by_one = [
        gls_loss(logits[i : i + 1], labels[i : i + 1], alphas[i].item()) for i in range(7)
    ]
    assert torch.equal(gls_loss(logits, labels, alphas), torch.cat(one_by_one))


@pytest.mark.parametrize(
    ("alpha", "expected"), [(-0.3, [0.2, -0.1, -0.1]), (0.3, [-0.2, 0.1, 0.1])]
)
def test_ascent_lowers_a_memorised_logit_only_where_the_rate_is_negative(alpha, expected):
    logits = torch.tensor([[20.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    (-gls_loss(logits, torch.tensor([0]), alpha)).sum().backward()
    assert torch.allclose(logits.grad, torch.tensor([expected]).double(), rtol=0, atol=1e-7)


def test_a_rate_of_zero_stays_finite_at_an_infinite_logit():
    logits = torch.tensor([[0.0, -math.inf]])
    assert gls_loss(logits, torch.tensor([0]), 0.0).item() == 0.0


def test_bfloat16_logits_are_raised_to_float32_before_the_loss():
    logits, labels = logits_and_labels(10)
    coarse = logits.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gls_loss(coarse, labels, -0.5)
    assert found.dtype == torch.float32
    assert torch.equal(found, gls_loss(coarse.float(), labels, -0.5))


def test_the_sum_over_a_real_model_recombines_from_true_and_other_labels():
    model, batch, alpha = mlp().double(), blobs(9, dtype=torch.float64).take(torch.arange(9)), -0.7
    parameters = list(model.parameters())

    def gradient(loss):
        found = torch.autograd.grad(loss, parameters)
        return torch.cat([g.flatten() for g in found]).numpy()

    losses = -model(batch.inputs).log_softmax(1)
    true = losses.gather(1, batch.labels[:, None]).sum()
    delta_f = gradient(true)
    losses = -model(batch.inputs).log_softmax(1)
    true = losses.gather(1, batch.labels[:, None]).sum()
    delta_n = gradient((losses.sum() - true) / (CLASSES - 1))
    direct = gradient(gls_loss(model(batch.inputs), batch.labels, alpha).sum())
    recombined = delta_f + alpha * (CLASSES - 1) / CLASSES * (delta_n - delta_f)
    assert abs(recombined - direct).max() < 1e-9


def rule(**changes):
    settings = {
        "beta": 0.5,
        "scale": 2.0,
        "mapping": "literal",
        "normaliser": "retain_batch",
        "metric": "cosine",
    }
    return AdaptiveAlpha(**(settings | changes))


RETAIN = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [2.0, 0.0]])
FORGET = torch.tensor([[1.0, 0.0], [0.0, -3.0]])


def test_cosine_distances_have_their_hand_values():
    expected = torch.tensor([[0.0, 0.5], [0.5, 1.0], [1.0, 0.5], [0.0, 0.5]])
    assert torch.equal(distances(RETAIN, FORGET, "cosine"), expected)


def test_total_variation_has_its_hand_values():
    p = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    q = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]])
    expected = torch.tensor([[0.5, 0.5, 0.25], [0.0, 1.0, 0.75]])
    assert torch.equal(distances(p, q, "tv"), expected)


def test_the_euclidean_distance_is_stretched_to_the_unit_interval():
    a, b = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0], [6.0, 8.0]])
    raw = torch.tensor([[1.0, 10.0], [math.sqrt(18), 5.0]])
    assert torch.allclose(distances(a, b, "l2_minmax"), (raw - 1) / 9)
    assert torch.equal(distances(a[:1], a[:1], "l2_minmax"), torch.zeros(1, 1))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [-2 * 3 / 4, -2 * 3 / 4]),  # exact ties at 0.5 count
        ({"beta": 0.49}, [-2 * 2 / 4, 0.0]),
        ({"mapping": "effort"}, [-2 * 1 / 4, -2 * 1 / 4]),
        ({"mapping": "effort", "beta": 0.49}, [-2 * 2 / 4, -2.0]),
        ({"normaliser": "forget_batch"}, [-2.0, -2.0]),  # 3 / 2, clipped to 1
        ({"normaliser": "forget_batch", "beta": 0.49}, [-2.0, 0.0]),
        ({"normaliser": "forget_batch", "mapping": "effort", "beta": 0.49}, [0.0, -2.0]),
        ({"scale": 0.5}, [-0.375, -0.375]),
    ],
)
def test_adaptive_rates_have_their_hand_values(changes, expected):
    assert torch.equal(rule(**changes)(RETAIN, FORGET), torch.tensor(expected))


@pytest.mark.parametrize("metric", ["cosine", "l2_minmax"])
@pytest.mark.parametrize("mapping", ["literal", "effort"])
@pytest.mark.parametrize("normaliser", ["retain_batch", "forget_batch"])
def test_adaptive_rates_are_never_positive_and_ignore_the_order_of_the_retain_batch(
    metric, mapping, normaliser
):
    generator = torch.Generator().manual_seed(0)
    retain = torch.randn(30, 4, generator=generator)
    forget = torch.randn(6, 4, generator=generator)
    adapt = rule(metric=metric, mapping=mapping, normaliser=normaliser, beta=0.4)
    alphas = adapt(retain, forget)
    assert (alphas <= 0).all()
    assert alphas.unique().numel() > 1 or normaliser == "forget_batch"
    assert torch.equal(alphas, adapt(retain.flip(0), forget))


def test_adaptive_rates_carry_no_gradient():
    forget = FORGET.clone().requires_grad_()
    assert not rule()(RETAIN, forget).requires_grad


def test_distances_are_not_coarsened_by_mixed_precision():
    retain = torch.tensor([[1.0, 0.0]])
    forget = torch.tensor([[1.0, 0.05]])  # (1 - cos) / 2 = 0.000624, which bfloat16 rounds to 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert rule(beta=0.0006)(retain, forget).item() == 0.0


RATES = [-0.8, -0.2, 0.3]


def logits(seed, n=5, classes=4):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, classes, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, *RATES])
def test_smoothed_divergence_is_cross_entropy_with_the_smoothed_soft_target(alpha, temperature):
    teacher, student = logits(0), logits(1)
    t = (teacher / temperature).softmax(1)
    target = (1 - alpha) * t + alpha / 4
    cross = -(target * (student / temperature).log_softmax(1)).sum(1)
    entropy = -(t * t.log()).sum(1)
    found = gls_kl_divergence(teacher, student, alpha, temperature)
    assert torch.allclose(found, temperature**2 * (cross - entropy), rtol=0, atol=1e-10)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, *RATES])
def test_its_gradient_does_not_vanish_where_student_and_teacher_agree(alpha, temperature):
    teacher = logits(0)
    student = teacher.clone().requires_grad_()
    gls_kl_divergence(teacher, student, alpha, temperature).sum().backward()
    expected = alpha * temperature * ((teacher / temperature).softmax(1) - 1 / 4)
    assert torch.allclose(student.grad, expected, rtol=0, atol=1e-12)


def test_an_alpha_of_zero_is_the_divergence_bit_for_bit():
    teacher, student = logits(0), logits(1)
    plain = kl_divergence(teacher, student, 2.0)
    assert torch.equal(gls_kl_divergence(teacher, student, 0.0, 2.0), plain)


def test_cosine_distances_stay_in_the_unit_interval():
    a = torch.randn(500, 7, generator=torch.Generator().manual_seed(0))
    found = distances(a, torch.cat([a, -a]), "cosine")
    assert found.min() >= 0
    assert found.max() <= 1
