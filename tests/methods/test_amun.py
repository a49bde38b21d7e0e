"""AMUN: the attack on a linear boundary, and what is learned."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.methods.amun import AMUN
from tests.support.boundaries import CHANNELS, PLAIN, Normalised, generator, images
from tests.support.toy import Net, split_of, task_of

STD, MEAN = (v.expand(2, 3, 3).flatten().numpy() for v in (CHANNELS.std, CHANNELS.mean))


def classifier():
    """A linear model of two classes behind the normalisation, half of the images in each."""
    model = Net(nn.Flatten(), 18, 2).double()
    with torch.no_grad():
        model.classifier.weight.copy_(torch.randn(2, 18, generator=generator()) / 20)
        model.classifier.bias.zero_()
    return model


def request_of(n=40, n_forget=24):
    """Pixels far from 0 and 1, labelled as the model sees them, but for every fifth."""
    pixels, _ = images(n, 90, 166)
    model = classifier()
    labels = model((pixels - CHANNELS.mean) / CHANNELS.std).argmax(1)
    labels[::5] = 1 - labels[::5]
    return task_of(split_of(pixels, labels, Normalised(CHANNELS)), n_forget), model


def by_hand(model, task, epsilon, steps, radii):
    """x' in pixels (n, 18), as for a linear score: down its slope until the class changes."""
    weight, bias = (p.detach().numpy() for p in model.classifier.parameters())
    x = task.forget.take(torch.arange(len(task.forget))).inputs.flatten(1).numpy()
    start, labels = x * STD + MEAN, task.forget.labels.numpy()
    slope = (weight[1] - weight[0]) / STD
    unit = slope / np.linalg.norm(slope)
    moved = start.copy()
    for i, label in enumerate(labels):
        sign, walked = (1 if label == 0 else -1), 0.0

        def crossed(walked, i=i, sign=sign, label=label):
            z = ((start[i] + sign * walked * unit - MEAN) / STD) @ weight.T + bias
            return z.argmax() != label

        for k in range(radii):
            radius = epsilon * 2**k
            for _ in range(steps):
                if not crossed(walked):
                    walked = min(walked + radius / 10, radius)
        moved[i] = start[i] + sign * walked * unit
    return moved


@pytest.mark.parametrize(("epsilon", "steps", "radii"), [(0.05, 50, 5), (0.02, 4, 2), (0.3, 10, 1)])
def test_the_attack_stops_where_it_crosses_a_linear_boundary(epsilon, steps, radii):
    task, model = request_of()
    method = AMUN(epsilon=epsilon, attack_steps=steps, radii=radii)
    value = method.run_prepare(model, task).value
    expected = by_hand(model, task, epsilon, steps, radii)
    found = value["inputs"].flatten(1).numpy() * STD + MEAN
    np.testing.assert_allclose(found, expected, atol=1e-6)
    z = model(torch.from_numpy((expected - MEAN) / STD).view(-1, 2, 3, 3))
    assert torch.equal(value["labels"], z.argmax(1))
    if radii == 5:
        assert (value["labels"] != task.forget.labels).all()
        assert (np.abs(found - expected).max(1) < 1e-6).all()
    was_wrong = torch.arange(24) % 5 == 0
    x = task.forget.take(torch.arange(24)).inputs
    torch.testing.assert_close(value["inputs"][was_wrong], x[was_wrong], atol=1e-9, rtol=0)


def test_the_attack_stays_an_image():
    pixels, labels = images(30)
    task = task_of(split_of(pixels, labels, Normalised(CHANNELS)), 20)
    value = AMUN(epsilon=4.0, attack_steps=20, radii=1).run_prepare(classifier(), task).value
    found = value["inputs"] * CHANNELS.std + CHANNELS.mean
    assert found.min() >= -1e-9
    assert found.max() <= 1 + 1e-9


@pytest.mark.parametrize("use_retain", [True, False])
def test_a_step_learns_d_f_its_adversarial_examples_and_d_r(use_retain, steps):
    task, model = request_of()
    method = AMUN(learning_rate=0.3, epochs=1, weight_decay=0.0, use_retain=use_retain, **PLAIN)
    prepared = method.run_prepare(model, task)
    found = method.run(model, task, prepared)
    parts = [task.forget, *([task.retain] if use_retain else [])]
    pairs = [part.take(torch.arange(len(part)))[:2] for part in parts]
    pairs.append((prepared.value["inputs"], prepared.value["labels"]))
    x, y = (torch.cat(values).numpy() for values in zip(*pairs, strict=True))
    x = x.reshape(len(x), -1)
    assert len(x) == 24 + 24 + 16 * use_retain
    weight, bias = (p.detach().numpy() for p in model.classifier.parameters())
    error = (softmax(x @ weight.T + bias, axis=1) - np.eye(2)[y]) / len(x)
    [(batch, _)] = steps
    assert len(batch.labels) == len(x)
    np.testing.assert_allclose(
        found.model.classifier.weight.detach(), weight - 0.3 * error.T @ x, atol=1e-10
    )
    np.testing.assert_allclose(
        found.model.classifier.bias.detach(), bias - 0.3 * error.sum(0), atol=1e-10
    )


def test_amun_takes_images_alone():
    card = cards.method("amun")
    assert card.refusal("random", "image", "cnn") is None
    assert "pixels" in card.refusal("random", "text", "transformer")
    assert "pixels" in card.refusal("random", "table", "mlp")


@pytest.mark.parametrize("name", ["epsilon", "attack_steps", "radii"])
def test_a_size_of_0_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: 0 is not above 0"):
        AMUN(**{name: 0})
