"""Somebody else's network: its logits, its last layer, its family, and what is refused."""

from collections import namedtuple

import pytest
import torch
import torchvision
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput

from mubench.errors import InputError
from mubench.methods.shared.layers import blocks_of, classifier_of
from mubench.models.any_classifier import (
    AnyClassifier,
    are_probabilities,
    checked,
    family_of,
    find_logits,
    linear_of,
    takes_by_name,
)

K, SHAPE = 4, (3, 8, 8)
LOGITS, FEATURES = torch.randn(2, K, generator=torch.Generator().manual_seed(0)), torch.ones(2, 9)
Outputs = namedtuple("Outputs", ["logits", "aux"])


class Net(nn.Module):
    """Gives whatever `form` makes of features and logits."""

    def __init__(self, form=lambda features, logits: logits, k=K):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 6), nn.ReLU())
        self.last = nn.Linear(6, k)
        self.form = form

    def forward(self, inputs):
        features = self.body(inputs)
        return self.form(features, self.last(features))


FORMS = {
    "tensor": lambda f, z: z,
    "tuple": lambda f, z: (f, z),
    "list": lambda f, z: [z],
    "dict": lambda f, z: {"features": f, "logits": z},
    "dict of another name": lambda f, z: {"features": f, "scores": z},
    "named tuple": lambda f, z: Outputs(z, z + 1),
    "auxiliary logits": lambda f, z: (z, z + 1),
    "model output": lambda f, z: SequenceClassifierOutput(logits=z, hidden_states=(f,)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_logits_of_every_form_are_those_of_the_network(form):
    model = AnyClassifier(Net(FORMS[form]), K, SHAPE).eval()
    inputs = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1))
    expected = model.network.last(model.network.body(inputs))
    assert torch.equal(model(inputs), expected)
    assert model.classifier is model.network.last
    assert torch.equal(model.features(inputs), model.network.body(inputs))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"a": FEATURES, "b": torch.ones(2, 3, 3)}, "gives dict of a (2, 9), b (2, 3, 3)"),
        ((FEATURES,), "it gives tuple of 0 (2, 9)"),
        (Outputs(FEATURES, None), "it gives Outputs of logits (2, 9), aux NoneType"),
        (torch.ones(2, 9), "it gives a tensor (2, 9)"),
        (torch.ones(2, K, dtype=torch.int64), "it gives a tensor (2, 4)"),
        ("yes", "it gives str"),
        (None, "it gives NoneType"),
    ],
)
def test_an_output_without_logits_is_one_line_that_names_its_fields(output, message):
    model = AnyClassifier(Net(), K)
    with pytest.raises(InputError) as caught:
        model.learn(output)
    assert str(caught.value).startswith("model Net: must give logits (b, 4), as a tensor or in a")
    assert str(caught.value).endswith(message)
    assert find_logits(output, K) is None


def test_without_a_number_of_classes_what_is_ambiguous_is_not_guessed():
    assert find_logits((FEATURES, LOGITS)) is None
    assert find_logits((LOGITS, LOGITS + 1)) is LOGITS
    assert find_logits({"logits": LOGITS, "features": FEATURES}) is LOGITS


def test_the_place_of_the_logits_stays_when_a_method_adds_an_output():
    """Boundary Expanding gives the last layer one more row, as wide then as other values."""
    model = AnyClassifier(Net(lambda f, z: (z, z[:, :K])), K).eval()
    inputs = torch.ones(2, *SHAPE)
    model.learn(model.call(inputs))
    model.network.last = nn.Linear(6, K + 1)
    assert model(inputs).shape == (2, K + 1)


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (torchvision.models.resnet18, "fc"),
        (torchvision.models.googlenet, "fc"),
        (torchvision.models.inception_v3, "fc"),
        (torchvision.models.mobilenet_v3_small, "classifier.3"),
        (torchvision.models.densenet121, "classifier"),
        (torchvision.models.vit_b_32, "heads.head"),
    ],
)
def test_the_last_layer_of_torchvisions_models_is_found(build, layer):
    with torch.device("meta"):
        network = build(
            num_classes=K,
            **(
                {"init_weights": False}
                if layer == "fc" and build is not torchvision.models.resnet18
                else {}
            ),
        )
    assert linear_of(network, K) is network.get_submodule(layer)


def test_a_last_layer_of_other_width_is_none():
    assert linear_of(nn.Sequential(nn.Linear(5, 3)), K) is None
    model = AnyClassifier(nn.Sequential(nn.Conv2d(3, K, 8), nn.Flatten()), K, SHAPE)
    assert model.classifier is None
    with pytest.raises(InputError, match="no linear layer has 4 outputs"):
        model.features(torch.ones(2, *SHAPE))


def test_methods_find_the_last_layer_and_the_blocks_of_a_wrapped_network():
    model = AnyClassifier(torchvision.models.resnet18(num_classes=K), K, SHAPE)
    assert classifier_of(model, K) is model.network.fc
    assert len(blocks_of(model, K)) == len(blocks_of(model.network, K)) == 5


@pytest.mark.parametrize(
    ("network", "family"),
    [
        (torchvision.models.resnet18, "cnn"),
        (torchvision.models.vgg11, "cnn"),
        (torchvision.models.vit_b_32, "transformer"),
        (torchvision.models.swin_t, "transformer"),
        (Net, "other"),
    ],
)
def test_families_of_networks(network, family):
    with torch.device("meta"):
        assert family_of(network()) == family


class ByName(nn.Module):
    def forward(self, input_ids=None, attention_mask=None):
        return input_ids.sum(1, keepdim=True) * torch.ones(1, K) + attention_mask.sum(1)[:, None]


class Passing(nn.Module):
    def forward(self, *args, **kwargs):
        return kwargs["input_ids"].sum(1, keepdim=True) * torch.ones(1, K)


class Whole(nn.Module):
    def forward(self, inputs):
        return inputs["input_ids"].sum(1, keepdim=True) * torch.ones(1, K)


@pytest.mark.parametrize(("network", "by_name"), [(ByName, 1), (Passing, 1), (Whole, 0)])
def test_texts_go_by_name_where_the_arguments_have_names(network, by_name):
    inputs = {key: torch.ones(2, 5) for key in ("input_ids", "attention_mask")}
    assert takes_by_name(network(), inputs) == by_name
    assert AnyClassifier(network(), K)(inputs).shape == (2, K)


@pytest.mark.parametrize(
    ("shape", "inputs", "message"),
    [
        (SHAPE, torch.ones(2, 3, 9, 9), "was built for images (3, 8, 8), got (3, 9, 9)"),
        (SHAPE, {"input_ids": torch.ones(2, 5)}, "images (3, 8, 8), got dict of input_ids (2, 5)"),
        ((5,), {"input_ids": torch.ones(2, 5)}, "got dict of input_ids (2, 5)"),
        ((5,), torch.ones(2, 5), "a dict of input_ids and attention_mask; got a tensor (2, 5)"),
        (
            (5,),
            {"input_ids": torch.ones(2, 9), "attention_mask": torch.ones(2, 9)},
            "texts of at most 5 tokens",
        ),
    ],
)
def test_inputs_of_another_shape_are_refused_in_one_line(shape, inputs, message):
    with pytest.raises(InputError) as caught:
        AnyClassifier(Net(), K, shape)(inputs)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Aux(nn.Module):
    """Auxiliary logits in training alone, as GoogLeNet has."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 6))
        self.aux, self.fc = nn.Linear(6, K), nn.Linear(6, K)

    def forward(self, inputs):
        features = self.body(inputs)
        main = self.fc(features)
        return Outputs(main, self.aux(features)) if self.training else main


def test_what_the_logits_do_not_depend_on_is_frozen():
    model = checked(AnyClassifier(Aux(), K, SHAPE))
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert frozen == ["network.aux.weight", "network.aux.bias"]
    assert model.training
    inputs = torch.ones(2, *SHAPE)
    assert torch.equal(model.train()(inputs), model.eval()(inputs))


def test_frozen_batch_norm_stays_in_eval_mode():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3), Net())
    network[0].requires_grad_(False)
    model = checked(AnyClassifier(network, K, SHAPE)).train()
    assert [model.network[k].training for k in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Net(k=7), "must give logits (b, 4), as a tensor or in a tuple or dict; it gives a tensor"),
        (Net(lambda f, z: z.softmax(1)), "gives probabilities, which sum to 1, where logits are"),
        (nn.Linear(5, K), "fails on inputs of shape (3, 8, 8): RuntimeError: mat1 and mat2"),
        (Net().requires_grad_(False), "has no parameter that can be trained"),
        (nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(K)), "no parameter that can be trained"),
    ],
    ids=["another K", "probabilities", "another shape", "frozen", "no parameters"],
)
def test_what_is_no_classifier_is_refused_in_one_line(network, message):
    with pytest.raises(InputError) as caught:
        checked(AnyClassifier(network, K, SHAPE))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_logits_are_taken_for_probabilities_only_where_they_are_some():
    assert are_probabilities(LOGITS.softmax(1))
    assert not are_probabilities(LOGITS.log_softmax(1))
    assert not are_probabilities(LOGITS)
    assert not are_probabilities(torch.eye(3))  # the answers of a constant
    assert not are_probabilities(torch.zeros(2, 3))
