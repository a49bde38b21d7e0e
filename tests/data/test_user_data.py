"""A person's sets as splits: ids of their own, labels and inputs as given."""

import pytest
import torch

from mubench.data.user_data import to_splits
from mubench.errors import InputError

CPU = torch.device("cpu")


def test_every_example_of_all_sets_has_an_id_of_its_own():
    inputs = torch.arange(10.0)[:, None]
    sets = {
        "forget": (inputs[:3], torch.tensor([0, 1, 2])),
        "retain": (inputs[3:], torch.ones(7).long()),
    }
    splits = to_splits(CPU, sets, torch.float32, "refuse")
    assert splits["forget"].ids.tolist() == [0, 1, 2]
    assert splits["retain"].ids.tolist() == list(range(3, 10))
    batch = splits["retain"].take(torch.tensor([1]))
    assert batch.inputs.tolist() == [[4.0]]
    assert batch.labels.tolist() == [1]


def test_a_set_that_is_not_given_has_no_split():
    inputs = torch.arange(2.0)[:, None]
    sets = {"forget": (inputs, torch.tensor([0, 1])), "validation": None}
    assert list(to_splits(CPU, sets, None, "refuse")) == ["forget"]


def test_inputs_and_labels_of_other_lengths_are_refused():
    with pytest.raises(InputError, match="forget"):
        to_splits(CPU, {"forget": (torch.zeros(3, 1), torch.tensor([0, 1]))}, None, "refuse")
