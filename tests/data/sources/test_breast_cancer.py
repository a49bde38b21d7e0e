"""The breast cancer data of scikit-learn are what their card states."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer

from mubench.catalogue import cards
from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import load_dataset
from mubench.errors import DataError


def test_the_card_states_what_is_loaded_and_inputs_are_standardised_by_d_tr():
    card, bunch = cards.dataset("breast_cancer"), load_breast_cancer()
    found = load_dataset(card.card, {}, SPLITS, "cpu")
    assert {name: len(getattr(found, name)) for name in SPLITS} == card.sizes
    assert found.fingerprint == card.fingerprint
    assert card.classes == tuple(bunch.target_names)
    assert [feature.name for feature in card.features] == list(bunch.feature_names)
    assert (found.num_classes, found.input_shape, found.widths) == (2, (30,), (1,) * 30)
    train = bunch.data[found.train.ids]
    for name in SPLITS:
        split = getattr(found, name)
        expected = (bunch.data[split.ids] - train.mean(0)) / train.std(0)
        inputs = split.take(torch.arange(len(split))).inputs
        assert np.allclose(inputs, expected, atol=1e-6)
        assert np.array_equal(split.labels, bunch.target[split.ids])


def test_rows_that_do_not_have_the_card_s_columns_are_told():
    card = dict(cards.dataset("breast_cancer").card)
    with pytest.raises(DataError) as caught:
        load_dataset({**card, "features": card["features"][:29]}, {}, SPLITS, "cpu")
    assert str(caught.value) == (
        "dataset breast_cancer: rows float64 (410, 30), but float64 (n, 29) are needed: a number "
        "for each of the card's features"
    )
