"""Parts of a network that methods treat apart."""

import pytest
import torch
import torchvision
from torch import nn

from mubench.catalogue import cards
from mubench.errors import Refused
from mubench.methods.shared.layers import blocks_of, classifier_of, convolutions_of, trained_alone
from mubench.models.bert import bert as our_bert
from mubench.models.build import build_model as build_card
from mubench.models.cnn import small_cnn
from tests.support.toy import Net, conv, mlp


def made(name, num_classes=10):
    return build_card(cards.model(name).card, num_classes, (3, 32, 32), 0)


def small_bert():
    return our_bert((8,), 3, vocabulary=11, width=8, depth=3, heads=2, length=8)


def names(model, blocks):
    """The parameters of each block, by name."""
    of = {id(p): name for name, p in model.named_parameters()}
    return [[of[id(p)] for p in block.parameters()] for block in blocks]


def test_the_classifier_is_the_layer_of_that_name():
    model = made("resnet_small")
    assert classifier_of(model, 10) is model.classifier


def test_without_a_name_the_classifier_is_the_last_linear_layer():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3))
    assert classifier_of(model, 3) is model[2]


def test_a_layer_is_not_a_classifier_for_its_shape():
    with pytest.raises(Refused, match="no linear layer of 3 outputs at its end"):
        classifier_of(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 5)), 3)
    with pytest.raises(Refused):
        classifier_of(nn.Sequential(nn.Conv2d(1, 3, 1), nn.Flatten()), 3)


def test_the_blocks_of_a_resnet_are_its_stem_and_stages():
    model = made("resnet_small")
    blocks = blocks_of(model, 10)
    assert [block[0] for block in blocks] == [model.stem, *model.stages]
    assert len(blocks_of(made("resnet18"), 10)) == 5


def test_the_blocks_of_a_vgg_are_its_stages():
    model = made("vgg_small")
    assert [block[0] for block in blocks_of(model, 10)] == list(model.stages)


def test_the_blocks_of_a_vision_transformer_are_its_embedding_and_layers():
    model = made("vit_mini")
    blocks = blocks_of(model, 10)
    assert [block[0] for block in blocks] == [model.embedding, *model.layers]
    assert list(blocks[-1]) == [model.layers[-1], model.norm]


def test_the_blocks_of_a_bert_are_its_embeddings_and_layers():
    model = small_bert()
    blocks = blocks_of(model, 3)
    assert [block[0] for block in blocks] == [model.body.embeddings, *model.body.encoder.layer]
    assert list(blocks[-1]) == [model.body.encoder.layer[-1], model.body.pooler]


def test_the_blocks_of_the_small_cnn_are_its_layers():
    found = names(model := small_cnn((1, 8, 8), 10), blocks_of(model, 10))
    assert [len(block) for block in found] == [3, 3, 2]  # two convolutions with BatchNorm, a layer


@pytest.mark.parametrize(
    "model",
    [mlp(), conv(), made("vgg_small", 3), made("vit_mini", 3), small_bert()],
    ids=["mlp", "conv", "vgg", "vit", "bert"],
)
def test_blocks_and_classifier_hold_every_parameter_once(model):
    parts = [*blocks_of(model, 3), model.classifier]
    found = [name for part in names(model, parts) for name in part]
    assert sorted(found) == sorted(dict(model.named_parameters()))


def test_a_normalisation_belongs_to_what_it_follows():
    [block] = blocks_of(conv(), 3)
    assert [type(module) for module in block] == [nn.Conv2d, nn.BatchNorm2d]


def test_a_child_that_holds_the_classifier_is_opened():
    head = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    model = nn.Sequential(nn.Linear(4, 4), head)
    assert names(model, blocks_of(model, 3)) == [["0.weight", "0.bias"], ["1.0.weight", "1.0.bias"]]


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.norm = nn.Linear(4, 4), nn.LayerNorm(4)


def bert():
    """Built as BERT is: the encoder wraps a stack, a pooler follows it."""
    encoder = nn.Module()
    encoder.layer = nn.ModuleList([Layer() for _ in range(3)])
    body, model = nn.Module(), nn.Module()
    body.embeddings, body.encoder, body.pooler = nn.Embedding(5, 4), encoder, nn.Linear(4, 4)
    model.bert, model.dropout, model.classifier = body, nn.Dropout(), nn.Linear(4, 3)
    return model


def named_blocks():
    """Built as vision transformers often are: `blocks`, and a last normalisation."""
    model = nn.Module()
    model.patches, model.blocks = nn.Conv2d(3, 4, 4), nn.Sequential(Layer(), Layer())
    model.norm, model.head = nn.LayerNorm(4), nn.Linear(4, 3)
    return model


def vit():
    return torchvision.models.VisionTransformer(32, 8, 3, 2, 16, 32, num_classes=3)


@pytest.mark.parametrize(
    ("build", "count", "last"),
    [
        (bert, 4, ["bert.encoder.layer.2.attention.weight", "bert.pooler.bias"]),
        (named_blocks, 2, ["blocks.1.attention.weight", "norm.bias"]),
        (vit, 4, ["encoder.layers.encoder_layer_2.ln_1.weight", "encoder.ln.bias"]),
        (
            lambda: torchvision.models.resnet18(num_classes=3),
            5,
            ["layer4.0.conv1.weight", "layer4.1.bn2.bias"],
        ),
        (
            lambda: torchvision.models.convnext_tiny(num_classes=3),
            8,
            ["features.7.0.layer_scale", "classifier.0.bias"],
        ),
        (
            lambda: torchvision.models.mobilenet_v2(num_classes=3),
            19,
            ["features.18.0.weight", "features.18.1.bias"],
        ),
    ],
    ids=["bert", "named blocks", "vit", "resnet18", "convnext", "mobilenet"],
)
def test_a_stack_is_opened_into_layers_and_stages_are_blocks(build, count, last):
    model = build()
    found = names(model, blocks_of(model, 3))
    assert len(found) == count
    assert [found[-1][0], found[-1][-1]] == last
    once = [name for block in found for name in block]
    assert len(once) == len(set(once))


def test_frozen_convolutions_are_left_alone():
    model = small_cnn((1, 8, 8), 10)
    first, second = convolutions_of(model)
    first.weight.requires_grad_(False)
    assert convolutions_of(model) == [second]


def test_convolutions_are_found_or_the_method_refuses():
    assert len(convolutions_of(small_cnn((1, 8, 8), 10))) == 2
    with pytest.raises(Refused, match="Net has no convolutions that can be trained"):
        convolutions_of(mlp())


def test_only_the_trained_parts_have_gradients_and_all_is_put_back():
    model: Net = mlp()
    model.classifier.bias.requires_grad_(False)  # the user's own choice, which stays
    with trained_alone(model, [model.classifier]):
        assert not any(p.requires_grad for p in model.body.parameters())
        model(torch.zeros(1, 1, 4, 4)).sum().backward()
    assert all(p.grad is None for p in model.body.parameters())
    assert model.classifier.weight.grad is not None
    assert model.classifier.bias.grad is None
    assert all(p.requires_grad for p in model.body.parameters())
    assert not model.classifier.bias.requires_grad
