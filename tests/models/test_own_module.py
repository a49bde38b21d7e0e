"""A function of a user's file: what it makes is a classifier, or the error is one line."""

import pytest
import torch

from mubench.catalogue import plugins
from mubench.errors import InputError
from mubench.models.build import build_model
from mubench.models.own_module import own_model
from tests.support.own_models import NET, texts, write_net

pytestmark = pytest.mark.usefixtures("no_plugins")

SHAPE, K = (1, 8, 8), 4


def give(folder, source=NET):
    plugins.add([plugins.read_code(write_net(folder, source))])


def made(weights=None, function="net", **arguments):
    module = "mubench_plugin_my_models"
    return own_model(
        SHAPE, K, module=module, function=function, arguments=arguments, weights=weights
    )


def test_the_function_gets_the_shape_the_classes_and_its_arguments(tmp_path):
    give(tmp_path)
    model = made(width=6)
    assert model.classifier.in_features == 6
    assert model(torch.ones(2, *SHAPE)).shape == (2, K)


def test_the_seed_decides_the_weights(tmp_path):
    give(tmp_path)
    card = {"module": "mubench.models.own_module", "builder": "own_model"}
    given = {"module": "mubench_plugin_my_models", "function": "net", "arguments": {}}
    one, two, other = (
        build_model({**card, "arguments": given}, K, SHAPE, seed).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_weights_of_a_file_are_put_in_and_a_last_layer_of_other_classes_stays_new(tmp_path):
    give(tmp_path)
    theirs = made().network
    file = tmp_path / "weights.pt"
    torch.save(
        {"state_dict": {f"module.{k}": v.half() for k, v in theirs.state_dict().items()}}, file
    )
    ours = made(str(file)).network
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value.half().float()), name
    state = {**theirs.state_dict(), "1.weight": torch.ones(9, 4), "1.bias": torch.ones(9)}
    torch.save(state, file)
    other = made(str(file)).network.state_dict()
    assert torch.equal(other["0.0.0.weight"], theirs.state_dict()["0.0.0.weight"])
    assert other["1.weight"].shape == (K, 4)
    with pytest.raises(InputError, match=r"does not fit Sequential in 2 of 4 tensors: 0\.0\.0\.w"):
        made(str(file), width=5)


TEXTS = """
from torch import nn


class Named(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.words, self.last = nn.Embedding(50, 4), nn.Linear(4, classes)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[..., None]
        return {"logits": self.last((self.words(input_ids) * mask).sum(1) / mask.sum(1))}


def net(input_shape, num_classes):
    (length,) = input_shape
    return Named(num_classes)
"""


def test_a_function_for_texts_gets_tokens_by_name(tmp_path):
    give(tmp_path, TEXTS)
    module = "mubench_plugin_my_models"
    model = own_model((20,), K, module=module, function="net", arguments={})
    assert model(texts()).shape == (6, K)
    assert model.features(texts()).shape == (6, 4)
    with pytest.raises(InputError, match="was built for texts of at most 20 tokens"):
        model(texts(length=21))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def net(*a):\n    raise KeyError('width')\n", "model my_models:net: KeyError: 'width'"),
        ("def net(*a):\n    return 5\n", "model my_models:net: made int, not an nn.Module"),
        ("raise OSError('no disk')\ndef net(*a): ...\n", "model my_models:net: OSError: no disk"),
        ("import nowhere\ndef net(*a): ...\n", "ModuleNotFoundError: No module named 'nowhere'"),
        ("def net(shape): ...\n", "model my_models:net: TypeError: net() takes 1 positional"),
        ("def net(:\n", "model my_models:net: SyntaxError: invalid syntax"),
        ("x = 1\n", "AttributeError: module 'mubench_plugin_my_models' has no attribute 'net'"),
        (
            "from torch import nn\ndef net(s, k): return nn.Sequential(nn.Flatten(), "
            "nn.Linear(64, k + 1))\n",
            "must give logits (b, 4), as a tensor or in a tuple or dict; it gives a tensor (2, 5)",
        ),
    ],
)
def test_what_makes_no_classifier_is_one_line(tmp_path, source, message):
    give(tmp_path, source)
    with pytest.raises(InputError) as caught:
        made()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("module", ["os", "mubench.cli.main", "mubench_plugin_other"])
def test_no_module_is_imported_that_was_not_given(tmp_path, module):
    give(tmp_path)
    with pytest.raises(InputError, match=r"its file was not given; say --plugin FILE\.py"):
        own_model(SHAPE, K, module=module, function="system", arguments={})


TABLE = """from torch import nn


def plain(input_shape, num_classes):
    return nn.Linear(input_shape[0], num_classes)


def by_column(input_shape, num_classes, widths):
    return nn.Sequential(nn.Linear(sum(widths), len(widths)), nn.Linear(len(widths), num_classes))
"""


@pytest.mark.parametrize(("function", "features"), [("plain", 6), ("by_column", 3)])
def test_a_function_for_tables_may_ask_for_the_inputs_of_each_column(tmp_path, function, features):
    give(tmp_path, TABLE)
    given = {"module": "mubench_plugin_my_models", "function": function, "arguments": {}}
    card = {"module": "mubench.models.own_module", "builder": "own_model", "arguments": given}
    model = build_model(card, K, (6,), 0, (1, 3, 2))
    assert model.classifier.in_features == features
    assert model(torch.ones(5, 6)).shape == (5, K)
    with pytest.raises(InputError, match=r"was built for rows \(6,\), got \(7,\)"):
        model(torch.ones(5, 7))
