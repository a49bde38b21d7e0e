"""GA is UGradSL without smoothing and retain term."""

import pytest

from mubench.methods.ga import GA
from mubench.methods.ugradsl import UGradSL
from tests.support.ascents import assert_equal_bit_for_bit
from tests.support.partial_training import SHORT


@pytest.mark.parametrize(("epochs", "n_forget"), [(1, 4), (1, 10), (2, 10)])
def test_without_smoothing_and_retain_term_it_is_gradient_ascent(epochs, n_forget, optimizers):
    settings = SHORT | {"epochs": epochs}
    mixed = UGradSL(alpha=0.0, retain_weight=0.0, **settings)
    assert_equal_bit_for_bit(mixed, GA(**settings), optimizers, n_forget)
