"""The digits of scikit-learn are what their card states."""

import pytest
import torch

from mubench.data.cache.decoded import SPLITS


def test_the_card_of_digits_states_what_is_loaded(card, digits):
    assert {name: len(getattr(digits, name)) for name in SPLITS} == card["sizes"]
    assert digits.fingerprint == card["fingerprint"]
    assert digits.class_names == tuple(card["classes"])
    assert (digits.num_classes, digits.input_shape) == (10, (1, 8, 8))
    inputs = digits.train.take(torch.arange(len(digits.train))).inputs
    assert inputs.mean().item() == pytest.approx(0, abs=1e-3)
    assert inputs.std().item() == pytest.approx(1, abs=1e-3)
