"""A function of a notebook becomes a plug-in, or is refused in one line that says what to do."""

import functools
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mubench.catalogue import plugins
from mubench.errors import InputError, is_one_line
from mubench.models.own_module import own_model
from mubench.session.own_function import plugin_of, with_functions
from tests.support.own_models import PARTS

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")
WIDTH = 4


def small(input_shape: tuple[int, ...], num_classes: int, width: int = 4) -> nn.Module:
    """Types are of the notebook; everything else is in the function."""
    import torch as t
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(sum(size for size in input_shape), width)
            self.last = nn.Linear(width, num_classes)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            means = t.cat([images.mean((2, 3)), images.mean((1, 2)), images.mean((1, 3))], 1)
            return self.last(self.body(means).relu())

    return Net()


def test_a_function_travels_as_its_text():
    plugin = plugin_of(small)
    assert (plugin.kind, plugin.name, plugin.where) == ("code", "small", "function small")
    plugins.add([plugin])
    model = own_model((3, 5, 6), 7, module=plugin.module, function="small", arguments={"width": 2})
    assert model(torch.rand(2, 3, 5, 6)).shape == (2, 7)


def test_files_beside_the_notebook_travel_with_it(tmp_path):
    (tmp_path / "parts.py").write_text(PARTS)

    def deep(input_shape, num_classes):
        from parts import block
        from torch import nn

        body = nn.Sequential(block(input_shape[0], 4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(body, nn.Linear(4, num_classes))

    plugin = plugin_of(deep)
    assert [each.module for each in plugin.neighbours] == ["parts"]


def uses_a_module(input_shape, num_classes):
    return nn.Linear(input_shape[0], num_classes)


def uses_several(input_shape, num_classes):
    def forward(x):
        return F.relu(x) * WIDTH

    return forward


def uses_in_a_default(input_shape, num_classes, width=WIDTH):
    return width


@functools.wraps(small)
def decorated(input_shape, num_classes):
    return small(input_shape, num_classes)


def plain(function):
    return function


@plain
def marked(input_shape, num_classes):
    return input_shape


def enclosed():
    width = 3

    def inner(input_shape, num_classes):
        return width

    return inner


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (uses_a_module, "uses_a_module uses nn"),
        (uses_several, "uses_several uses F, WIDTH"),
        (uses_in_a_default, "uses_in_a_default uses WIDTH"),
        (enclosed(), "inner uses width"),
    ],
)
def test_what_uses_names_from_outside_is_told_to_become_a_file(function, names):
    name = names.partition(" ")[0]
    assert refused(function) == (
        f"model: {names} from outside of itself, which workers do not have: import inside the "
        f"function, or put it into a file and give model={{'module': 'FILE.py:{name}'}}"
    )


def test_decorators_do_not_travel():
    """`functools.wraps` would even show the text of the function inside."""
    assert refused(decorated).startswith("model: small is decorated; put it into a file and give ")
    assert refused(marked).startswith("model: marked uses plain from outside of itself")


class OwnClass(nn.Module):
    pass


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (nn.Linear(2, 2), "model: a function that makes the model is needed, not a Linear: the "),
        (OwnClass(), "model: a function that makes the model is needed, not a OwnClass: the "),
        (OwnClass, "model: a name, a mapping such as {'timm': 'resnet18'}, or a function "),
        (partial(small, width=3), "model: a name, a mapping such as "),
        (lambda shape, classes: None, "model: a lambda has no text of its own; write it with def"),
        (lambda: None, "model: a lambda has no text of its own; write it with def"),
        (len, "model: a name, a mapping such as "),
    ],
)
def test_what_is_no_function_is_refused(model, line):
    assert refused(model).startswith(line)


def test_an_instance_is_told_why():
    assert "the original and every Retrain begin with fresh weights" in refused(nn.Linear(2, 2))


def test_a_function_takes_a_shape_and_a_number():
    def alone(shape):
        return shape

    assert refused(alone) == (
        "model: alone is called as alone(input_shape, num_classes): too many positional arguments"
    )


def test_a_function_without_text_is_told_to_become_a_file():
    scope = {}
    exec("def typed(shape, classes):\n    return shape", scope)
    assert refused(scope["typed"]).startswith("model: the text of typed is not known; put it into")


def test_a_sweep_file_says_which_functions_it_needs():
    text = with_functions("name: x\n", [plugin_of(enclosed_without())])
    assert text == (
        "# needs --plugin made.py, which has\n"
        "#\n"
        "#     def made(input_shape, num_classes):\n"
        "#         return input_shape\n"
        "#\n"
        "name: x\n"
    )
    assert with_functions("name: x\n", []) == "name: x\n"


def enclosed_without():
    def made(input_shape, num_classes):
        return input_shape

    return made


def refused(function):
    with pytest.raises(InputError) as caught:
        plugin_of(function)
    assert is_one_line(str(caught.value))
    return str(caught.value)
