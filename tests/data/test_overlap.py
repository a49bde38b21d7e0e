"""Examples of one set in another: found by their number or their content, and refused."""

import re

import pytest
import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    get_worker_info,
)

from mubench.data.user_data import to_splits
from mubench.errors import InputError

X = torch.arange(40.0).reshape(10, 4)
Y = torch.arange(10) % 3
CPU = torch.device("cpu")


class Unread(Dataset):
    """Fails where it is read."""

    def __len__(self):
        return 10

    def __getitem__(self, row):
        raise AssertionError("was read")


def rows(*numbers, x=X, y=Y):
    return x[list(numbers)], y[list(numbers)]


def test_parts_of_one_list_are_compared_by_their_indices():
    examples = list(zip(X, Y, strict=True))
    sets = {"forget": Subset(examples, [0, 1]), "retain": Subset(examples, [1, 2])}
    with pytest.raises(InputError, match="share 1 example of one list: indices 1;"):
        to_splits(CPU, sets)


@pytest.mark.parametrize(
    ("make", "shared"),
    [
        (lambda data: (Subset(data, [1, 2, 3]), Subset(data, [3, 2, 9])), "2 examples"),
        (lambda data: (Subset(data, [1, 2, 3, 4]), data), "4 examples"),
        (lambda data: (Subset(Subset(data, [5, 6, 7]), [1]), Subset(data, [6])), "1 example"),
        (
            lambda data: (
                DataLoader(Subset(data, [0, 1]), shuffle=True),
                DataLoader(data, sampler=SubsetRandomSampler([1, 0])),
            ),
            "2 examples",
        ),
        (
            lambda data: (
                DataLoader(Subset(data, [4, 5, 6]), sampler=SubsetRandomSampler([1, 2])),
                Subset(data, [1, 2, 6]),
            ),
            "1 example",
        ),
    ],
)
def test_indices_of_one_data_set_are_compared_before_anything_is_read(make, shared):
    forget, retain = make(Unread())
    with pytest.raises(InputError, match=f"^forget and retain share {shared} of one Unread: in"):
        to_splits(CPU, {"forget": forget, "retain": retain})


def test_the_first_indices_are_told_and_how_to_go_on():
    data = Unread()
    with pytest.raises(InputError) as caught:
        to_splits(CPU, {"forget": Subset(data, [8, 1, 5, 3]), "retain": data})
    assert str(caught.value) == (
        "forget and retain share 4 examples of one Unread: indices 1, 3, 5, ...; take them out of "
        "retain, or give duplicates='keep' if the data really hold them twice"
    )


def test_equal_examples_are_found_by_their_content():
    with pytest.raises(InputError) as caught:
        to_splits(CPU, {"forget": rows(0, 4, 9), "retain": rows(1, 9, 2, 4)})
    assert str(caught.value) == (
        "forget and retain share 2 examples with equal inputs and label: positions 1, 2 of forget "
        "are 3, 1 of retain; take them out of retain, or give duplicates='keep' if the data "
        "really hold them twice"
    )


def test_equal_examples_of_other_types_are_equal():
    wide = rows(3, x=X.double().numpy(), y=Y.int().numpy())
    with pytest.raises(InputError, match="share 1 example with equal"):
        to_splits(CPU, {"forget": wide, "retain": rows(2, 3)}, torch.float32)
    named = ({"ids": X[:2].int(), "mask": X[:2] > 0}, Y[:2])
    other = ({"mask": X[1:3] > 0, "ids": X[1:3].long()}, Y[1:3])
    with pytest.raises(InputError, match=re.escape("positions 1 of forget are 0 of test")):
        to_splits(CPU, {"forget": named, "test": other})


class EveryOther(Sampler):
    """Leaves out examples in a way that only it knows."""

    def __iter__(self):
        return iter(range(0, 10, 2))

    def __len__(self):
        return 5


def test_equal_indices_of_other_data_or_of_unknown_samplers_are_no_shared_examples():
    data, other = TensorDataset(X, Y), TensorDataset(X + 100, Y)
    for retain in (Subset(other, [1]), DataLoader(data, sampler=EveryOther())):
        splits = to_splits(CPU, {"forget": Subset(data, [1]), "retain": retain})
        assert len(splits["retain"]) == len(retain)
    with pytest.raises(InputError, match="share 1 example with equal inputs"):
        to_splits(
            CPU, {"forget": Subset(data, [2]), "retain": DataLoader(data, sampler=EveryOther())}
        )


@pytest.mark.parametrize(
    ("forget", "retain"),
    [
        (rows(0, 0), rows(1)),  # twice in one set
        (rows(0), (X[:1], Y[:1] + 1)),  # with another label
        (rows(0), (X[:1] + 1e-6, Y[:1])),
    ],
)
def test_what_is_not_shared_is_not_refused(forget, retain):
    splits = to_splits(CPU, {"forget": forget, "retain": retain})
    assert len(splits["forget"]) == len(forget[1])


def test_duplicates_may_be_kept():
    data = TensorDataset(X, Y)
    sets = {"forget": Subset(data, [1]), "retain": data, "validation": None, "test": rows(1)}
    splits = to_splits(CPU, sets, duplicates="keep")
    assert torch.equal(splits["forget"].take(torch.arange(1)).inputs, X[1:2])
    assert [len(split) for split in splits.values()] == [1, 10, 1]
    with pytest.raises(InputError, match="duplicates: 'refuse' or 'keep' is needed; got True"):
        to_splits(CPU, sets, duplicates=True)


class Stream(IterableDataset):
    """Five examples; each worker reads all of them, or its own part."""

    def __init__(self, is_divided):
        self.is_divided = is_divided

    def __iter__(self):
        info = get_worker_info()
        step = info.num_workers if info and self.is_divided else 1
        first = info.id if info and self.is_divided else 0
        yield from ((X[row], Y[row]) for row in range(first, 5, step))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_that_each_read_the_whole_stream_are_refused():
    loader = DataLoader(Stream(is_divided=False), batch_size=2, num_workers=2)
    with pytest.raises(InputError, match="forget: every example came 2 times: each of the 2 work"):
        to_splits(CPU, {"forget": loader})
    loader = DataLoader(Stream(is_divided=True), batch_size=2, num_workers=2)
    assert sorted(to_splits(CPU, {"forget": loader})["forget"].labels.tolist()) == [0, 0, 1, 1, 2]
