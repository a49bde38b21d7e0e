"""FT-Transformer against embedding lookups and its paper's formulas."""

import pytest
import torch
from torch.nn.functional import embedding, one_hot

from mubench.errors import InputError
from mubench.methods.shared.layers import blocks_of
from mubench.models.ft_transformer import Layer, Tokenizer, ft_transformer


def small(**changes):
    sizes = {"width": 8, "depth": 2, "heads": 2} | changes
    return ft_transformer((6,), 3, **sizes, widths=(1, 3, 2))


def test_tokens_are_scaled_vectors_of_numbers_and_embeddings_of_categories():
    tokenizer = Tokenizer((1, 3, 2), 8)
    numbers, codes = torch.randn(5), torch.tensor([0, 2, 1, 1, 0])
    other = torch.randn(5, 2)  # a number and whether it is missing
    rows = torch.cat([numbers[:, None], one_hot(codes, 3), other], 1)
    tokens = tokenizer(rows)
    weight, bias = tokenizer.weight, tokenizer.bias
    assert tokens.shape == (5, 4, 8)
    assert torch.equal(tokens[:, 0], tokenizer.class_token[0].expand(5, -1))
    assert torch.allclose(tokens[:, 1], numbers[:, None] * weight[0] + bias[0], atol=1e-6)
    assert torch.allclose(tokens[:, 2], embedding(codes, weight[1:4]) + bias[1], atol=1e-6)
    assert torch.allclose(tokens[:, 3], other @ weight[4:] + bias[2], atol=1e-6)


def test_an_unknown_category_is_the_bias_of_its_column():
    tokenizer = Tokenizer((1, 3), 8)
    assert torch.equal(tokenizer(torch.zeros(1, 4))[0, 2], tokenizer.bias[1])


def test_a_layer_is_pre_norm_but_for_the_first_normalisation():
    tokens = torch.randn(3, 5, 8)
    for is_first in (True, False):
        layer = Layer(8, 2, 0.0, is_first=is_first).eval()
        x = tokens if is_first else layer.attention_norm(tokens)
        between = tokens + layer.attention(x, x, x)[0]
        value, gate = layer.entering(layer.norm(between)).split(10, -1)
        expected = between + layer.leaving(value * gate.relu())
        assert torch.allclose(layer(tokens), expected, atol=1e-5)


def test_the_order_of_columns_does_not_matter_but_for_their_weights():
    """Attention has no positions: columns and their weights may be exchanged together."""
    model, rows = small().eval(), torch.randn(4, 6)
    other = ft_transformer((6,), 3, width=8, depth=2, heads=2, widths=(2, 1, 3)).eval()
    state = model.state_dict()
    order = torch.tensor([4, 5, 0, 1, 2, 3])
    state["tokenizer.weight"] = state["tokenizer.weight"][order]
    state["tokenizer.bias"] = state["tokenizer.bias"][[2, 0, 1]]
    other.load_state_dict(state)
    assert torch.allclose(model(rows), other(rows[:, order]), atol=1e-5)


def test_tokenizer_and_layers_are_blocks_and_the_last_norm_is_of_the_last():
    model = small()
    blocks = blocks_of(model, 3)
    assert [next(iter(block)) for block in blocks] == [model.tokenizer, *model.layers]
    assert list(blocks[-1])[1:] == [model.norm]


def test_heads_must_divide_the_width():
    with pytest.raises(InputError, match="width 8 does not divide by 3 heads"):
        small(heads=3)


def test_weights_alone_are_its_state():
    assert not [name for name in small().state_dict() if "columns" in name]
