"""What people have as examples, batches and loaders: the tensors that arrive."""

from collections import UserDict, namedtuple

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from mubench.data.user_batches import length_of
from mubench.data.user_data import read
from mubench.errors import InputError

X = torch.arange(12.0).reshape(4, 3)
Y = torch.tensor([1, 0, 2, 1])
TOKENS = torch.tensor([[5, 6, 0], [7, 0, 0], [1, 2, 3], [4, 9, 8]])
MASK = (TOKENS > 0).long()
Example = namedtuple("Example", "image label path")
Pair = namedtuple("Pair", "first second")


class Items(Dataset):
    """A Dataset of what it is given."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


class Stream(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        yield from self.items


def items(make):
    return [make(x, y) for x, y in zip(X, Y, strict=True)]


def plain(x, y):
    return x, y


def arrive(data, name="forget"):
    return read(data, name, None)


def texts(label="label", as_list=False):
    """Examples as the Hub has them: token ids, an attention mask, the text itself."""
    return [
        {
            "input_ids": ids.tolist() if as_list else ids,
            "attention_mask": mask.tolist() if as_list else mask,
            "text": "a b",
            label: int(y),
        }
        for ids, mask, y in zip(TOKENS, MASK, Y, strict=True)
    ]


def zipped(batch):
    inputs, labels = zip(*batch, strict=True)
    return inputs, labels


def keyed(batch):
    return UserDict(pixel_values=torch.stack([x for x, _ in batch]), labels=[y for _, y in batch])


SAME = {
    "tensors": (X, Y),
    "a list of both": [X, Y],
    "arrays": (X.numpy(), Y.numpy()),
    "arrays that cannot be written": (np.broadcast_to(X.numpy(), (4, 3)), Y.numpy()[::-1][::-1]),
    "big-endian arrays": (X.numpy().astype(">f4"), Y.numpy().astype(">i8")),
    "lists of numbers": (X.tolist(), Y.tolist()),
    "a list of tensors": (list(X), Y),
    "columns": {"pixel_values": X, "labels": Y},
    "labels (n, 1)": (X, Y[:, None]),
    "labels of 8 bits": (X, Y.to(torch.uint8)),
    "a data set": TensorDataset(X, Y),
    "examples with Python's integers": Items(items(lambda x, y: (x, int(y)))),
    "examples with labels (1,)": Items(items(lambda x, y: (x, y[None]))),
    "examples of numpy": Items(items(lambda x, y: (x.numpy(), np.int32(y)))),
    "examples as lists": Items(items(lambda x, y: [x.tolist(), int(y)])),
    "a list of examples": items(plain),
    "dicts": Items(items(lambda x, y: {"pixel_values": x, "labels": int(y), "path": "a.png"})),
    "named tuples": Items(items(lambda x, y: Example(x, y, "a.png"))),
    "named tuples without a name for labels": Items(items(Pair)),
    "a loader": DataLoader(TensorDataset(X, Y), batch_size=3),
    "a loader without batches": DataLoader(Items(items(plain)), batch_size=None),
    "a loader with workers": DataLoader(Items(items(plain)), batch_size=3, num_workers=1),
    "a loader of tuples": DataLoader(Items(items(plain)), batch_size=3, collate_fn=zipped),
    "a loader of mappings": DataLoader(Items(items(plain)), batch_size=3, collate_fn=keyed),
    "a loader of named tuples": DataLoader(Items(items(Pair)), batch_size=3),
    "a loader of a stream": DataLoader(Stream(items(plain)), batch_size=3),
    "a loader that drops nothing": DataLoader(TensorDataset(X, Y), batch_size=2, drop_last=True),
    "a stream": Stream(items(plain)),
    "a generator of batches": ((X[rows], Y[rows]) for rows in (slice(0, 3), slice(3, 4))),
    "a generator of examples": (pair for pair in items(plain)),
}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("data", SAME.values(), ids=SAME)
def test_the_same_examples_arrive_in_every_form(data):
    inputs, labels = arrive(data)
    assert inputs.dtype == torch.float32 or inputs.dtype == torch.float64
    assert torch.equal(inputs.float(), X)
    assert labels.dtype == torch.int64
    assert torch.equal(labels, Y)


@pytest.mark.parametrize(
    "data",
    [
        Items(texts()),
        texts("labels"),
        Items(texts(as_list=True)),
        DataLoader(Items([{k: v for k, v in each.items() if k != "text"} for each in texts()])),
        DataLoader(Items(texts("label_ids")), batch_size=4),
        ({"input_ids": TOKENS, "attention_mask": MASK}, Y),
        {"input_ids": TOKENS.numpy(), "attention_mask": MASK.tolist(), "label": Y, "text": ["a"]},
    ],
)
def test_named_inputs_keep_their_names_and_texts_are_left_out(data):
    inputs, labels = arrive(data)
    assert list(inputs) == ["input_ids", "attention_mask"]
    assert torch.equal(inputs["input_ids"], TOKENS)
    assert inputs["input_ids"].dtype == torch.int64
    assert torch.equal(inputs["attention_mask"], MASK)
    assert torch.equal(labels, Y)


def test_truth_values_are_two_classes():
    assert arrive((X, Y > 1))[1].tolist() == [0, 0, 1, 0]


def test_a_shuffling_loader_is_read_once_and_whole():
    inputs, labels = arrive(DataLoader(TensorDataset(X, Y), batch_size=3, shuffle=True))
    order = (inputs[:, 0] / 3).long()
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    assert torch.equal(inputs, X[order])
    assert torch.equal(labels, Y[order])


def test_a_sampler_without_replacement_chooses_a_part():
    loader = DataLoader(TensorDataset(X, Y), sampler=SubsetRandomSampler([2]))
    assert torch.equal(arrive(loader)[0], X[2:3])


def whole(**options):
    return DataLoader(TensorDataset(X, Y), **options)


REFUSED = {
    "drop_last=True leaves out 1 of the examples": whole(batch_size=3, drop_last=True),
    "drop_last=True leaves out 1 of the examples; give": DataLoader(
        TensorDataset(X, Y), batch_sampler=BatchSampler(SequentialSampler(X), 3, drop_last=True)
    ),
    "drop_last=True leaves out the last": DataLoader(
        Stream(items(plain)), batch_size=2, drop_last=True
    ),
    "WeightedRandomSampler draws with replacement": whole(
        sampler=WeightedRandomSampler([1.0, 1.0, 1.0, 1.0], 4)
    ),
    "RandomSampler draws with replacement": whole(sampler=RandomSampler(X, replacement=True)),
    "DistributedSampler gives one of 2 parts": whole(sampler=DistributedSampler(X, 2, 0)),
    "labels of shape (4, 3): one class for each example": (X, torch.eye(3).long()[Y]),
    "labels must be whole numbers of shape (n,); got torch.float32 (4,)": (X, Y.float()),
    "labels from -100; classes begin with 0": (X, torch.tensor([0, -100, 1, 1])),
    "no examples (a generator can be read only once)": iter(()),
    "no examples": TensorDataset(X[:0], Y[:0]),
    "an example must be (inputs, label), or a dict with a key 'label'; got 3 parts": TensorDataset(
        X, MASK, Y
    ),
    "one key must be the label, such as 'label' or 'labels'; keys: train, test": {
        "train": TensorDataset(X, Y),
        "test": TensorDataset(X, Y),
    },
    "one key must be the label, such as 'label' or 'labels'; keys: image, label, y": Items(
        items(lambda x, y: {"image": x, "label": y, "y": y})
    ),
    "no inputs beside 'label'; keys: text, label": [{"text": "a", "label": 1}],
    "not every example has the keys a, b": Items(
        [({"a": X[0], "b": X[0]}, 0), ({"a": X[0], "c": X[0]}, 0)]
    ),
    "inputs: examples differ in shape: (2,), (3,); resize or pad them to one": Items(
        [(X[0], 0), (X[0, :2], 1)]
    ),
    "inputs: examples differ in shape: (1, 2), (1, 3)": [(X[:1], Y[:1]), (X[:1, :2], Y[:1])],
    "inputs: numbers are needed, as a tensor or an array; got list": Items([(["a"], 0)]),
    "input_ids are 3 tensors for 4 examples; give one tensor": DataLoader(
        Items(texts(as_list=True)), batch_size=4
    ),
    "4 labels, but inputs of length [3]": (X[:3], Y),
    "give (inputs, labels), a torch Dataset or a DataLoader; got Tensor": X,
    "give (inputs, labels), a torch Dataset or a DataLoader; got str": "train",
    "give (inputs, labels), a torch Dataset or a DataLoader; got NoneType": None,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_would_mean_something_else_is_refused_in_one_line(message):
    with pytest.raises(InputError) as caught:
        list(arrive(REFUSED[message]))
    assert str(caught.value).startswith("forget")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_that_a_loader_laid_on_their_side_are_refused_where_they_are_square():
    """Three token ids of each of three examples: nothing tells rows from columns."""
    loader = DataLoader(Items(texts(as_list=True)[:3]), batch_size=3)
    with pytest.raises(InputError, match="input_ids are 3 tensors for 3 examples"):
        arrive(loader)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (TensorDataset(X, Y), 4),
        (items(plain), 4),
        (whole(sampler=SubsetRandomSampler([1, 2])), 2),
        (DataLoader(Subset(TensorDataset(X, Y), [0, 1, 2]), batch_size=2), 3),
        ((X, Y), None),
        (Stream(items(plain)), None),
        (DataLoader(Stream(items(plain))), None),
        (iter(items(plain)), None),
    ],
)
def test_the_number_of_examples_is_known_before_they_are_read_or_it_is_not(data, length):
    assert length_of(data) == length
