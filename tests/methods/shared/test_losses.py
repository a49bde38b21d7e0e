"""Losses against values by hand."""

import pytest
import torch
import torch.nn.functional as F

from mubench.methods.shared.losses import cross_entropy, kl_divergence


@pytest.mark.parametrize("classes", [2, 10])
def test_the_divergence_is_averaged_over_examples_and_not_over_classes(classes):
    generator = torch.Generator().manual_seed(0)
    teacher, student = torch.randn(2, 7, classes, generator=generator, dtype=torch.float64)
    over_both = F.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="none").mean()
    found = kl_divergence(teacher, student).mean().item()
    assert found == pytest.approx(classes * over_both.item(), rel=1e-12)


def test_withheld_labels_fail_at_once():
    with pytest.raises(IndexError):
        cross_entropy(torch.zeros(2, 3), torch.tensor([-1, -1]))


def test_a_divergence_has_its_value_by_hand():
    """28: p = (.5, .5), q = (.9, .1)."""
    teacher, student = torch.zeros(1, 2), torch.tensor([[0.9, 0.1]]).log()
    assert kl_divergence(teacher, student).item() == pytest.approx(0.510826, abs=1e-6)
