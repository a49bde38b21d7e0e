"""BatchNorm that sees one value, and BatchNorm that is frozen: one policy, in every method."""

import copy

import pytest
import torch
from torch import nn

from mubench.catalogue import cards
from mubench.catalogue.registry import load_method
from mubench.errors import Refused
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.contract.case import QUICK
from mubench.methods.shared.fixed_norms import fixed_norms
from tests.support.toy import CLASSES, blobs, seeded


class Squeezed(nn.Module):
    """BatchNorm2d at 1x1 and BatchNorm1d behind pooling: both see one value of a single example."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()),
        )
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, inputs):
        return self.classifier(self.body(inputs))


def squeezed(seed=0):
    return seeded(Squeezed, seed)


def run(name, original, n_forget, initial=squeezed):
    """A method by its quick settings on blobs of which the first of class 0 are forgotten."""
    card, full = cards.method(name), blobs(24)
    scenario = next(s for s in ("random", "class") if card.refusal(s, "image", "cnn") is None)
    forgotten = torch.zeros(24, dtype=torch.bool)
    forgotten[(full.labels == 0).nonzero()[:n_forget, 0]] = True
    retained = ~forgotten if scenario == "random" else full.labels != 0
    retain = full.subset(retained.nonzero()[:, 0])
    splits = {
        "forget": full.subset(forgotten.nonzero()[:, 0]),
        "retain": retain,
        "validation": full.subset(torch.arange(18, 24)),
    }
    task = ForgetTask(splits=splits, num_classes=CLASSES, seed=0, new_model=lambda: initial(3))
    method = load_method(name)
    quick = QUICK if issubclass(method, DescentMethod) else {}
    return method(**{**quick, **card.quick}).run(original, task)


@pytest.mark.parametrize("name", cards.names("methods"))
def test_every_method_forgets_a_single_example_of_a_model_with_batch_norm(name):
    found = run(name, squeezed(), 1)
    assert (found.status, found.message) == ("ok", "")
    assert all(value.isfinite().all() for value in found.model.state_dict().values())


@pytest.mark.parametrize("name", cards.names("methods"))
def test_no_method_changes_what_is_frozen(name):
    """A frozen convolution, a frozen BatchNorm with its statistics, and a frozen linear layer."""
    original = squeezed()
    for part in (original.body[0], original.body[1], original.body[8]):
        part.requires_grad_(False)
    before = copy.deepcopy(original.state_dict())
    found = run(name, original, 4).model
    kept = ("body.0.", "body.1.", "body.8.")
    for key, value in found.state_dict().items():
        if key.startswith(kept):
            assert torch.equal(value, before[key]), key
    for key, parameter in found.named_parameters():
        assert parameter.requires_grad != key.startswith(kept), key
    moved = [
        key for key, value in found.state_dict().items() if not torch.equal(value, before[key])
    ]
    assert moved


def test_one_value_of_a_channel_is_normalised_by_running_statistics_that_stay():
    norm = nn.BatchNorm1d(3).train()
    norm.running_mean.fill_(2.0)
    one, many = torch.full((1, 3), 5.0), torch.arange(12.0).view(4, 3)
    with fixed_norms(norm):
        expected = (5.0 - 2.0) / (1 + norm.eps) ** 0.5
        torch.testing.assert_close(norm(one), torch.full((1, 3), expected))
        assert norm.training
        assert (norm.running_mean == 2).all()
        assert norm.num_batches_tracked == 0
        alike = copy.deepcopy(norm)(many)
        torch.testing.assert_close(alike.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
        norm(many)
        assert norm.num_batches_tracked == 1
    assert not norm._forward_hooks
    assert not norm._forward_pre_hooks
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        norm(one)


def test_a_map_of_many_positions_is_no_single_value():
    norm = nn.BatchNorm2d(2).train()
    with fixed_norms(norm):
        norm(torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(0)))
    assert norm.num_batches_tracked == 1


def test_frozen_batch_norm_keeps_its_statistics_and_a_partly_frozen_one_does_not():
    frozen, half = nn.BatchNorm1d(3).requires_grad_(False), nn.BatchNorm1d(3)
    half.weight.requires_grad_(False)
    plain = nn.BatchNorm1d(3, affine=False)
    with fixed_norms(nn.ModuleList([frozen, half, plain])):
        for norm in (frozen, half, plain):
            norm(torch.arange(12.0).view(4, 3))
    assert [int(norm.num_batches_tracked) for norm in (frozen, half, plain)] == [0, 1, 1]


def test_without_running_statistics_a_single_value_is_refused():
    norm = nn.BatchNorm1d(3, track_running_stats=False)
    with fixed_norms(norm), pytest.raises(Refused, match="without running statistics"):
        norm(torch.ones(1, 3))


def test_an_error_inside_the_layer_leaves_it_in_training_mode():
    norm = nn.BatchNorm1d(3).requires_grad_(False)
    with fixed_norms(norm), pytest.raises(RuntimeError):
        norm(torch.ones(4, 5))
    assert norm.training
