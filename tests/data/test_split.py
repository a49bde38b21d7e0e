"""Splits: what they give, what leads out of them, and streaming from mapped files."""

import gc
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from mubench.data import dataset as loading
from mubench.data.cache.decoded import SPLITS
from mubench.data.dataset import load_dataset
from mubench.data.split import ahead, moved
from mubench.models.training.evaluate import logits_of
from mubench.models.training.loader import Loader
from tests.support.parquet_files import CARD, LABELS, PIXELS, PNG, encode, write_parquet
from tests.support.simulated_device import THERE, SimulatedDevice
from tests.support.toy import CLASSES, blobs


def reachable_tensors(root: object) -> list[torch.Tensor]:
    """Every tensor that references lead to from `root`; code and types are not followed."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    found, seen, queue = [], set(), [root]
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, code):
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            found.append(thing)
        queue.extend(gc.get_referents(thing))
    return found


@pytest.mark.parametrize("name", ["train", "validation"])
def test_nothing_reachable_from_a_split_leads_to_another_splits_examples(digits, name):
    split = getattr(digits, name)
    tensors = reachable_tensors(split)
    rows = [tensor for tensor in tensors if tensor.ndim and len(tensor) == len(split)]
    assert {tensor.dtype for tensor in rows} == {torch.uint8, torch.int64}
    for tensor in tensors:
        assert len(tensor) in (len(split), 1), "neither the examples nor a channel's mean"
        # A view would hold on to the memory of the whole data set.
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
    assert any(torch.equal(tensor, split.ids) for tensor in rows)


def test_a_split_gives_each_example_with_its_own_pixels(card, digits):
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for name in SPLITS:
        split = getattr(digits, name)
        batch = split.take(torch.arange(len(split)))
        images = (bunch.images[batch.ids] / 16 - card["mean"][0]) / card["std"][0]
        assert batch.inputs[:, 0].numpy() == pytest.approx(images, abs=1e-5)
        assert np.array_equal(batch.labels, bunch.target[batch.ids])


def test_other_labels_leave_the_split_and_its_source_as_they_were():
    full = blobs(9)
    part = full.subset(torch.tensor([5, 1, 7]))
    changed = part.with_labels(torch.tensor([0, 2, 2]))
    assert changed.labels.tolist() == [0, 2, 2]
    assert changed.ids.tolist() == part.ids.tolist() == [5, 1, 7]
    assert torch.equal(changed.take(torch.arange(3)).inputs, part.take(torch.arange(3)).inputs)
    assert part.labels.tolist() == [2, 1, 1]
    assert full.labels.tolist() == [i % CLASSES for i in range(9)]


def test_a_stream_gives_each_part_as_taking_it_does():
    part = blobs(9).subset(torch.tensor([5, 1, 7, 2]))
    parts = [torch.tensor([3, 0]), torch.tensor([], dtype=torch.int64), torch.tensor([0])]
    for positions, batch in zip(parts, part.stream(parts), strict=True):
        expected = part.take(positions)
        assert all(torch.equal(a, b) for a, b in zip(batch, expected, strict=True))
    assert list(part.stream([])) == []


@pytest.mark.parametrize("most", [0, 100, 2**18])
def test_batches_that_are_transformed_together_are_what_they_are_alone(most, digits, monkeypatch):
    """Augmented, of unequal sizes, the later ones too where the first are skipped."""
    monkeypatch.setattr("mubench.data.split.GROUPED_NUMBERS", 64 * most)
    parts = torch.randperm(200).split([50, 0, 49, 30, 1, 70])
    alone, together = (torch.Generator().manual_seed(3) for _ in range(2))
    expected = [digits.train.take(part, alone) for part in parts]
    found = list(digits.train.stream(parts, together))
    assert torch.equal(alone.get_state(), together.get_state())
    later = list(digits.train.stream(parts, torch.Generator().manual_seed(3), skip=2))
    for batches in (expected[2:], found[2:], later):
        for batch, same in zip(batches, expected[2:], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(batch, same, strict=True))
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(found, expected, strict=True))
    bounds = {found[0].inputs.untyped_storage().nbytes(), found[0].inputs.nbytes}
    assert len(bounds) == 1, "a batch that is kept does not keep its neighbours"


@pytest.mark.parametrize(
    ("most", "groups"),
    [(0, "a b c d"), (60, "a b c d"), (100, "ab c d"), (130, "ab cd"), (999, "abcd")],
)
def test_small_batches_are_fetched_together_and_large_ones_alone(most, groups, digits, monkeypatch):
    monkeypatch.setattr("mubench.data.split.GROUPED_NUMBERS", 64 * most)
    sizes = dict(zip("abcd", [50, 49, 70, 60], strict=True))
    found = digits.train._source.grouped(list(sizes.values()))
    assert [list(sizes)[group] for group in found] == [list(group) for group in groups.split()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    write_parquet(folder / "train.parquet")
    write_parquet(folder / "test.parquet", PNG[:10], LABELS[:10])
    return folder


def loaded(folder: Path, device="cpu", **options):
    card = {**CARD, "options": {"train_size": None, "flip_labels": 0.0}}
    return load_dataset(card, options, ("train", "validation", "test"), device, folder.parent)


def epochs(dataset, count=2):
    loader = Loader(dataset.train, 4, seed=1, name="train", augment=True)
    return [batch for _ in range(count) for batch in loader.epoch()]


def test_a_streamed_split_gives_the_same_batches(folder, monkeypatch):
    resident = loaded(folder, train_size=20, flip_labels=0.2)
    monkeypatch.setattr(loading, "RESIDENT_BYTES", 0)
    streamed = loaded(folder, train_size=20, flip_labels=0.2)
    assert not resident.train._source.is_streamed
    assert streamed.train._source.is_streamed
    for one, other in zip(epochs(resident), epochs(streamed), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    for split in ("validation", "test"):
        pairs = zip(
            getattr(resident, split).batches(3), getattr(streamed, split).batches(3), strict=True
        )
        assert all(torch.equal(a.inputs, b.inputs) for a, b in pairs)


def test_a_split_is_a_view_of_the_files_and_nobody_can_change_them(folder):
    first, second = loaded(folder), loaded(folder)
    with torch.no_grad():
        first.train._source.inputs.zero_()
    every = torch.arange(len(second.train))
    stored = PIXELS.transpose(0, 3, 1, 2)[second.train.ids] / 127.5 - 1
    assert second.train.take(every).inputs.numpy() == pytest.approx(stored, abs=1e-5)


def test_a_model_sees_streamed_examples_in_order(folder, monkeypatch):
    monkeypatch.setattr(loading, "RESIDENT_BYTES", 0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(72, 2))
    test = loaded(folder).test
    with torch.no_grad():
        expected = model(test.take(torch.arange(10)).inputs)
    assert logits_of(model, test, batch_size=3) == pytest.approx(expected.numpy(), abs=1e-6)


def test_no_streamed_batch_makes_the_host_wait_for_the_device(folder, monkeypatch):
    """Nor one that is augmented; rows of the files are looked up before the first."""
    monkeypatch.setattr(loading, "RESIDENT_BYTES", 0)
    monkeypatch.setattr("mubench.data.split.ahead", lambda makes: (make() for make in makes))
    expected = epochs(loaded(folder), 1)
    with SimulatedDevice() as device:
        batches = Loader(
            loaded(folder, device=THERE).train, 4, seed=1, name="train", augment=True
        ).epoch()
        found = [next(batches)]
        with device.counted() as waits:
            found += batches
        inputs = [batch.inputs.cpu() for batch in found]
    assert not waits
    assert all(torch.equal(a, b.inputs) for a, b in zip(inputs, expected, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("inputs", [torch.arange(6.0), {"input_ids": torch.arange(6)}])
def test_inputs_arrive_on_a_gpu_as_they_were(inputs):
    there = moved(inputs, torch.device("cuda"))
    for name in inputs if isinstance(inputs, dict) else [...]:
        arrived, sent = there[name], inputs[name]
        assert arrived.device.type == "cuda"
        assert torch.equal(arrived.cpu(), sent)


def test_at_most_so_many_run_ahead_and_all_come_in_order():
    made, most = [], 0

    def make(i):
        made.append(i)
        return i

    for taken, value in enumerate(ahead((lambda i=i: make(i)) for i in range(50))):
        assert value == taken
        most = max(most, len(made) - taken)
    assert made == list(range(50))
    assert most <= 4, "two ahead, one that runs, one in the hand"


def test_a_failure_reaches_who_waits_and_leaves_no_thread():
    def fail():
        raise OSError("the disk is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        list(ahead([lambda: 1, fail, lambda: 3]))
    stream = ahead([lambda: 1] * 20)
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_processes_share_one_copy_of_the_data(tmp_path, monkeypatch):
    """The pixels that a process reads are pages of the file, of which a node has one copy."""
    import subprocess
    import sys

    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (300, 64, 64, 3), dtype=np.uint8)
    images = [encode(image) for image in pixels]
    write_parquet(folder / "train.parquet", images, [i % 2 for i in range(300)])
    write_parquet(folder / "test.parquet", images[:2], [0, 1])
    code = f"""
import re, torch
from mubench.data.dataset import load_dataset
card = {dict(CARD, input_shape=[3, 64, 64])!r}
data = load_dataset(card, {{}}, ("train",), "cpu", {str(folder.parent)!r})
total = sum(int(batch.labels.sum()) for batch in data.train.batches(16))
print(data.train._source.inputs.sum())
blocks = open("/proc/self/smaps").read().split("\\n7f")
block = next(b for b in blocks if "train.npy" in b)
found = {{key: int(re.search(key + r":\\s+(\\d+) kB", block)[1]) for key in
         ("Rss", "Anonymous")}}
print(found["Rss"], found["Anonymous"])
"""
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    resident, anonymous = map(int, out.split("\n")[1].split())
    assert resident > 3000, "kB: all pixels were read"
    assert anonymous == 0, "kB of its own: none, all are the file's pages"
