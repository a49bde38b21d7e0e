"""The Parquet source: reading, caching, and every way in which a folder can be wrong."""

import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import mubench.data
from mubench.catalogue import cards
from mubench.data.cache import cache
from mubench.data.cache import decoded as stored_module
from mubench.data.cache.decoded import SPLITS, stored
from mubench.data.dataset import load
from mubench.data.sources import parquet
from mubench.data.sources.raw import fingerprint
from mubench.errors import DataError

pytestmark = pytest.mark.usefixtures("cache_dir")

ROOT = Path(mubench.data.__file__).parents[2]
CARD = {
    "name": "toy",
    "modules": ["mubench.data.sources.parquet"],
    "modality": "image",
    "classes": ["cat", "dog"],
    "input_shape": [3, 4, 6],
    "max_value": 255,
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "options": {},
    "augment": {"pad": 1, "flip": True},
}
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 4, 6, 3), dtype=np.uint8)
LABELS = [i % 2 for i in range(30)]


def encode(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


PNG = [encode(image) for image in PIXELS]


def write(path: Path, images=PNG, labels=LABELS, names=None, column="img", label="label"):
    """A split in Hugging Face's schema."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    structs = [{"bytes": image, "path": None} for image in images]
    table = pa.table({column: pa.array(structs, kind), label: pa.array(labels)})
    if names:
        about = {"info": {"features": {label: {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(table, path)


@pytest.fixture
def folder(tmp_path):
    """A good data set: 30 training images and 10 test images of 4x6."""
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    write(folder / "train.parquet")
    write(folder / "test.parquet", PNG[:10], LABELS[:10])
    return folder


def read(folder: Path, **changes):
    """The data set as it is kept: in the cache, which is filled if it must be."""
    return stored({**CARD, **changes}, folder.parent)


def whole(found, name: str = "inputs") -> np.ndarray:
    """Training and validation examples together, in the order of ids."""
    held = [found.splits["train"], found.splits["validation"]]
    order = np.argsort(np.concatenate([split.ids for split in held]))
    return np.concatenate([np.asarray(getattr(split, name)) for split in held])[order]


def test_pixels_and_labels_come_back_as_they_were_stored(folder):
    found = read(folder)
    test = found.splits["test"]
    assert np.array_equal(whole(found), PIXELS.transpose(0, 3, 1, 2))
    assert np.array_equal(test.inputs, PIXELS[:10].transpose(0, 3, 1, 2))
    assert whole(found, "labels").tolist() == LABELS
    assert (test.ids.tolist(), test.labels.tolist()) == (list(range(30, 40)), LABELS[:10])
    assert found.class_names == ("cat", "dog")
    assert found.fingerprint == fingerprint(
        [np.array(LABELS + LABELS[:10])], [whole(found), test.inputs]
    )


def test_the_moments_of_the_training_split_are_found(folder):
    found = read(folder)
    pixels = np.asarray(found.splits["train"].inputs, np.float64) / 255
    assert found.mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-12)
    assert found.std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-12)


def test_an_official_test_split_stays_whole_and_has_ids_of_its_own(folder):
    dataset = load(CARD, {}, SPLITS, "cpu", folder.parent)
    assert dataset.test.ids.tolist() == list(range(30, 40))
    assert len(dataset.validation) == 2 * round(0.1 * 15)
    ids = torch.cat([dataset.train.ids, dataset.validation.ids])
    assert ids.sort().values.tolist() == list(range(30))
    batch = dataset.validation.take(torch.arange(len(dataset.validation)))
    stored = PIXELS.transpose(0, 3, 1, 2)[batch.ids] / 127.5 - 1
    assert batch.inputs.numpy() == pytest.approx(stored, abs=1e-5)


def test_how_a_split_is_cut_into_shards_does_not_matter(folder):
    whole = read(folder).fingerprint
    (folder / "train.parquet").unlink()
    write(folder / "train-00000-of-00002.parquet", PNG[:7], LABELS[:7])
    write(folder / "train-00001-of-00002.parquet", PNG[7:], LABELS[7:])
    assert read(folder).fingerprint == whole


def facts_of(folder: Path, **changes) -> dict:
    """What the cache says of the folder's data set; decoded if it must be."""
    card = {**CARD, **changes}
    read(folder, **changes)
    return cache.peek(stored_module.cache_name(card, folder.parent))


def test_the_same_examples_in_another_order_are_the_declared_ones(folder):
    """Who repacks a data set shuffles it: ids and splits follow the order, the examples stay."""
    first = facts_of(folder)
    order = np.random.default_rng(1).permutation(30)
    write(folder / "train.parquet", [PNG[i] for i in order], [LABELS[i] for i in order])
    again = facts_of(folder, examples=first["examples"])
    assert again["examples"] == first["examples"]
    assert again["fingerprint"] != first["fingerprint"]


@pytest.mark.parametrize("change", ["a pixel", "a label", "one twice", "test for training"])
def test_other_examples_than_declared_are_refused(folder, change):
    declared = facts_of(folder)["examples"]
    images, labels = list(PNG), list(LABELS)
    if change == "a pixel":
        altered = PIXELS[4].copy()
        altered[0, 0, 0] ^= 1
        images[4] = encode(altered)
    elif change == "a label":
        labels[4] = 1 - labels[4]
    elif change == "one twice":
        images[4], labels[4] = images[6], labels[6]
    else:
        images[0], labels[0] = PNG[12], LABELS[12]
        write(folder / "test.parquet", [*PNG[:9], PNG[0]], [*LABELS[:9], LABELS[0]])
    write(folder / "train.parquet", images, labels)
    with pytest.raises(DataError, match=f"not the declared examples: expected examples {declared}"):
        read(folder, examples=declared)


def test_bytes_columns_other_names_and_grey_jpegs_are_read(folder):
    grey = np.full((4, 6), 77, np.uint8)
    for split in ("train", "test"):
        table = pa.table({"image": [encode(grey, "JPEG")] * 4, "fine_label": [0, 1, 0, 1]})
        pq.write_table(table, folder / f"{split}.parquet")
    found = read(folder, input_shape=[1, 4, 6], columns={"label": "fine_label"})
    assert np.abs(whole(found).astype(int) - 77).max() <= 1


def test_class_names_come_from_the_schema_where_it_has_them(folder):
    for split in ("train", "test"):
        write(folder / f"{split}.parquet", names=["chat", "chien"])
    assert read(folder).class_names == ("chat", "chien")


def test_the_second_read_decodes_nothing(folder, monkeypatch):
    first = read(folder)
    monkeypatch.setattr(parquet, "decode", lambda *_, **__: pytest.fail("decoded again"))
    second = read(folder)
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(whole(second), whole(first))
    assert all(isinstance(split.inputs, np.memmap) for split in second.splits.values())


def test_a_changed_file_is_decoded_again(folder):
    before = read(folder).fingerprint
    write(folder / "train.parquet", PNG, LABELS[::-1])
    assert read(folder).fingerprint != before


@pytest.mark.parametrize("harm", ["truncate", "alter", "delete", "manifest"])
def test_a_damaged_cache_is_made_again(folder, cache_dir, harm):
    before = read(folder)
    [place] = [path for path in cache_dir.iterdir() if path.is_dir()]
    target = place / "train.npy"
    if harm == "truncate":
        os.truncate(target, target.stat().st_size - 1)
    elif harm == "alter":
        changed = bytearray(target.read_bytes())
        changed[-1] ^= 1
        target.write_bytes(changed)
    elif harm == "delete":
        target.unlink()
    else:
        (place / cache.MANIFEST).write_text('{"facts": {')
    assert np.array_equal(whole(read(folder)), PIXELS.transpose(0, 3, 1, 2))
    assert read(folder).fingerprint == before.fingerprint


def test_a_killed_builders_remains_are_swept_away(folder, cache_dir):
    read(folder)
    [place] = [path for path in cache_dir.iterdir() if path.is_dir()]
    partial = place.with_name(f"{place.name}.partial")
    place.rename(partial)
    (partial / cache.MANIFEST).unlink()
    read(folder)
    assert [path for path in cache_dir.iterdir() if path.is_dir()] == [place]


def test_two_readers_at_once_build_once(monkeypatch):
    builds, looked, inside = [], threading.Barrier(2), threading.Barrier(2)
    look = cache._facts_if_whole

    def look_together(folder: Path) -> dict | None:
        """Both readers find nothing before either goes on."""
        facts, first = look(folder), threading.current_thread() not in seen
        seen.add(threading.current_thread())
        if first:
            looked.wait()
        return facts

    def build(folder: Path) -> dict:
        builds.append(folder)
        with suppress(threading.BrokenBarrierError):
            inside.wait(timeout=0.3)  # leaves the other time to get in, were there no lock
        return {"n": 1}

    seen: set[threading.Thread] = set()
    monkeypatch.setattr(cache, "_facts_if_whole", look_together)
    with ThreadPoolExecutor(2) as readers:
        found = list(readers.map(lambda _: cache.cached("toy", build)[1], range(2)))
    assert found == [{"n": 1}] * 2
    assert len(builds) == 1


def test_a_cache_that_cannot_be_written_is_named(folder, cache_dir):
    cache_dir.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot write the decoded data .* set MUBENCH_CACHE to"):
        read(folder)


def test_a_full_disk_leaves_nothing_behind(folder, cache_dir, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored_module.np, "save", full)
    with pytest.raises(DataError, match=r"No space left on device.*free some space there"):
        read(folder)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_the_environment_names_the_data_folder(folder, monkeypatch):
    with pytest.raises(DataError, match=r"dataset toy: give --data or set MUBENCH_DATA"):
        stored(CARD, None)
    monkeypatch.setenv("MUBENCH_DATA", str(folder.parent))
    assert len(whole(stored(CARD, None))) == 30


def replaced(position: int, value: object, values: list) -> list:
    return [*values[:position], value, *values[position + 1 :]]


SMALL = encode(PIXELS[0, :3])
GREY = encode(PIXELS[0, :, :, 0])
BAD_ROWS = {
    "another size": ({"images": replaced(17, SMALL, PNG)}, "row 17: the image is RGB 6x3, but"),
    "another mode": ({"images": replaced(17, GREY, PNG)}, "row 17: the image is L 6x4, but"),
    "not an image": ({"images": replaced(3, b"no", PNG)}, "row 3: the image cannot be decoded"),
    "half an image": (
        {"images": replaced(3, PNG[3][: len(PNG[3]) // 2], PNG)},
        "row 3: the image cannot be decoded",
    ),
    "a foreign format": (
        {"images": replaced(3, encode(PIXELS[3], "BMP"), PNG)},
        "row 3: the image cannot be decoded",
    ),
    "no bytes": ({"images": replaced(29, None, PNG)}, "row 29: no image bytes"),
    "label too large": ({"labels": replaced(5, 2, LABELS)}, "row 5: label 2 in column label"),
    "label negative": ({"labels": replaced(5, -1, LABELS)}, "row 5: label -1 in column label"),
    "label null": ({"labels": replaced(5, None, LABELS)}, "row 5: label null in column label"),
    "no image column": ({"column": "picture"}, "no image column img or image of bytes"),
    "no label column": ({"label": "y"}, "no integer column label"),
    "label is text": ({"labels": ["cat"] * 30}, "no integer column label"),
    "class names": ({"names": ["a", "b", "c"]}, "3 class names; expected the 2 of the card"),
    "class order": (
        {"names": ["dog", "cat"]},
        "class 0 is called 'dog', which is class 1 of the card; number the labels in the card's",
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_named_in_one_line_and_leave_no_cache(folder, cache_dir, case):
    changes, message = BAD_ROWS[case]
    write(folder / "train.parquet", **changes)
    with pytest.raises(DataError) as caught:
        read(folder)
    assert message in str(caught.value)
    assert str(folder / "train.parquet") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_rows_are_numbered_over_batches(folder, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 4)
    write(folder / "train.parquet", replaced(17, SMALL, PNG))
    with pytest.raises(DataError, match=r"train\.parquet: row 17: the image is RGB 6x3"):
        read(folder)


def harm_folder(folder: Path, case: str) -> None:
    train = folder / "train.parquet"
    if case == "no folder":
        shutil.rmtree(folder)
    elif case == "no test file":
        (folder / "test.parquet").unlink()
    elif case == "truncated":
        os.truncate(train, train.stat().st_size // 2)
    elif case == "empty":
        train.write_bytes(b"")
    elif case == "torn page":
        torn = bytearray(train.read_bytes())
        torn[4:400] = b"\xff" * 396
        train.write_bytes(torn)
    else:
        write(folder / "train-1.parquet", column="image")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no folder", "toy: no such folder; put there train*.parquet and test*.parquet"),
        ("no test file", "toy: no test*.parquet in it; put the test split there"),
        ("truncated", "train.parquet: not a whole Parquet file, fetch it again"),
        ("empty", "train.parquet: not a whole Parquet file, fetch it again"),
        ("torn page", "train.parquet: not a whole Parquet file, fetch it again"),
        ("unlike shards", "toy: the shards train-1.parquet, ... differ in columns"),
    ],
)
def test_a_bad_folder_is_named_in_one_line(folder, cache_dir, case, message):
    harm_folder(folder, case)
    with pytest.raises(DataError) as caught:
        read(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache_dir.exists() or not [p for p in cache_dir.iterdir() if p.is_dir()]


def real_data(name: str) -> Path:
    """The folder of real data sets, or a skip."""
    root = Path(os.environ.get("MUBENCH_DATA") or ROOT.parent / "shared" / "data")
    if not (root / name).is_dir():
        pytest.skip(f"no real {name}: set MUBENCH_DATA to a folder with {name}/ in it")
    return root


@pytest.mark.slow
def test_real_cifar10_is_what_its_card_declares():
    root = real_data("cifar10")
    card = cards.dataset("cifar10").card
    dataset = load(card, {}, SPLITS, "cpu", root)
    assert {name: len(getattr(dataset, name)) for name in SPLITS} == card["sizes"]
    assert dataset.class_names == tuple(card["classes"])
    assert torch.bincount(dataset.train.labels).tolist() == [4500] * 10
    assert torch.bincount(dataset.validation.labels).tolist() == [500] * 10
    moments = [torch.var_mean(batch.inputs, (0, 2, 3)) for batch in dataset.train.batches(5000)]
    assert torch.stack([mean for _, mean in moments]).mean(0).abs().max() < 1e-3
    assert (torch.stack([var for var, _ in moments]).mean(0) - 1).abs().max() < 1e-2


def test_a_fifth_of_cifar100_is_read_by_its_fine_labels():
    root = real_data("cifar100")
    card = cards.dataset("cifar100").card
    dataset = load(card, {}, ("validation", "test"), "cpu", root)
    assert dataset.class_names == tuple(card["classes"])
    assert torch.bincount(dataset.test.labels).tolist() == [100] * 100
    assert len(set(torch.bincount(dataset.validation.labels).tolist())) == 1


def test_other_code_that_divides_makes_the_cache_anew(folder, monkeypatch):
    before = stored_module.cache_name(CARD, folder.parent)
    assert stored_module.cache_name(CARD, folder.parent) == before
    monkeypatch.setattr(stored_module, "source_id", lambda *modules: "other code")
    assert stored_module.cache_name(CARD, folder.parent) != before


def test_superclasses_are_found_by_position_whatever_files_call_their_classes(folder):
    for split in ("train", "test"):
        write(folder / f"{split}.parquet", names=["ca", "dog"])
    lifted = {
        "classes": ["canine", "feline"],
        "groups": ["cat", "dog"],
        "superclasses": {"canine": ["dog"], "feline": ["cat"]},
    }
    found = read(folder, **lifted)
    assert whole(found, "labels").tolist() == [1 - label for label in LABELS]
    assert whole(found, "groups").tolist() == LABELS
    assert (found.class_names, found.group_names) == (("canine", "feline"), ("cat", "dog"))
