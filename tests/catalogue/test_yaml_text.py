"""Values of a program become YAML that reads as the same values."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mubench.catalogue.yaml_document import read_yaml
from mubench.catalogue.yaml_text import to_yaml
from mubench.errors import InputError

SHARED = [0, 1]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": (1, 2.5), "b": None}, {"a": [1, 2.5], "b": None}),
        ({"a": 1e-5, "b": 1e22}, {"a": 1e-5, "b": 1e22}),
        (
            {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)},
            {"a": 0.5, "b": 3, "c": True},
        ),
        ({"a": np.float64(0.1), "b": np.str_("x")}, {"a": 0.1, "b": "x"}),
        ({"path": Path("a/b c")}, {"path": "a/b c"}),
        ({"a": SHARED, "b": SHARED}, {"a": [0, 1], "b": [0, 1]}),
        (
            {"a": "no", "b": "0.5", "c": "1e3", "é": "ü: x"},
            {"a": "no", "b": "0.5", "c": "1e3", "é": "ü: x"},
        ),
    ],
)
def test_values_read_as_they_were(value, read):
    found = read_yaml(to_yaml(value, "here"), "there")
    assert found == read
    assert repr(found) == repr(read)


@pytest.mark.parametrize("value", [torch.ones(2), object(), {1, 2}, np.ones(3)])
def test_other_values_are_one_line(value):
    with pytest.raises(InputError) as caught:
        to_yaml({"a": [value]}, "here")
    assert str(caught.value) == (
        f"here: a value of type {type(value).__name__}: numbers, texts, lists and mappings are "
        "needed"
    )


def test_a_list_in_itself_is_one_line():
    loop = []
    loop.append(loop)
    with pytest.raises(InputError, match=r"^here: a list or mapping that contains itself$"):
        to_yaml(loop, "here")
