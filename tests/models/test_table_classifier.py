"""Shapes that models of tables take."""

import pytest
import torch

from mubench.catalogue import cards
from mubench.errors import InputError, is_one_line
from mubench.models.build import build_model

MODELS = ("mlp", "ft_transformer")


def built(name, shape=(5,), widths=(1, 3, 1)):
    return build_model(cards.model(name).card, 4, shape, 0, widths)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("inputs", [torch.zeros(2, 4), torch.zeros(5), torch.zeros(2, 5, 1)])
def test_rows_of_another_length_are_refused(name, inputs):
    with pytest.raises(InputError, match="was built for rows of 5 numbers, got") as caught:
        built(name)(inputs)
    assert is_one_line(str(caught.value))


@pytest.mark.parametrize("name", MODELS)
def test_images_are_refused(name):
    with pytest.raises(InputError, match=r"needs rows \(D,\), got the shape \(1, 8, 8\)"):
        built(name, (1, 8, 8), ())


@pytest.mark.parametrize("name", MODELS)
def test_columns_must_be_all_inputs(name):
    with pytest.raises(InputError, match="columns of 4 inputs, but rows of 5"):
        built(name, (5,), (1, 3))


@pytest.mark.parametrize("name", MODELS)
def test_without_widths_each_input_is_a_column(name):
    assert built(name, (5,), ()).widths == (1,) * 5


@pytest.mark.parametrize("name", MODELS)
def test_logits_and_features_have_one_row_for_each_example(name):
    model = built(name).eval()
    rows = torch.randn(7, 5)
    assert model(rows).shape == (7, 4)
    assert torch.equal(model.classifier(model.features(rows)), model(rows))
    alone = torch.cat([model(row[None]) for row in rows])
    assert torch.allclose(alone, model(rows), atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_seed_alone_decides_the_weights(name):
    torch.manual_seed(5)
    first, second = built(name).state_dict(), built(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_the_card_states_the_parameters(name):
    model = build_model(cards.model(name).card, 10, (30,), 0)
    assert sum(each.numel() for each in model.parameters()) == cards.model(name).parameters
