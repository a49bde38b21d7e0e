"""Sources of files in their true layout, written small: what is read, and what is refused."""

import codecs
import gzip
import os
import pickle
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from sklearn.datasets import fetch_20newsgroups, load_files
from torchvision import datasets

from mubench.catalogue import cards
from mubench.data.availability import decode_present
from mubench.data.cache.decoded import known_fingerprint, stored
from mubench.data.fetch import check, fetch
from mubench.data.sources import (
    image_files,
    image_folder,
    newsgroups,
    tiny_imagenet,
    torchvision_files,
)
from mubench.errors import DataError, MubenchError

pytestmark = pytest.mark.usefixtures("cache_dir")

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    return folder


def card(source: str, classes: list[str], shape: list[int], **more) -> dict:
    return {
        "name": "toy",
        "title": "Toy",
        "modules": [f"mubench.data.sources.{source}"],
        "modality": "image",
        "classes": classes,
        "input_shape": shape,
        **more,
    }


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, image: np.ndarray, kind: str = "PNG") -> None:
    """An image under any name: the name need not say how it is encoded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, kind)
    path.write_bytes(buffer.getvalue())


def official(found):
    """Inputs, labels and groups of training and validation in the order of ids, then the test's."""
    held = [found.splits["train"], found.splits["validation"]]
    order = np.argsort(np.concatenate([split.ids for split in held]))
    if isinstance(held[0].inputs, np.ndarray):
        inputs = np.concatenate([split.inputs for split in held])[order]
    else:
        texts = [text for split in held for text in split.inputs]
        inputs = [texts[i] for i in order]
    labels = np.concatenate([split.labels for split in held])[order]
    return inputs, labels.tolist(), found.splits["test"]


def refused(of: dict, folder: Path, cache: Path) -> str:
    """The one line that refuses; nothing is left half-written in the cache."""
    with pytest.raises(DataError) as caught:
        stored(of, folder.parent)
    assert "\n" not in str(caught.value)
    assert not cache.exists() or not [p for p in cache.iterdir() if p.is_dir()]
    return str(caught.value)


# torchvision's files


@pytest.fixture
def no_checksums(monkeypatch):
    """The small files of a test do not have the published checksums."""
    for name in ("CIFAR10", "CIFAR100"):
        kind = getattr(datasets, name)
        for files in ("train_list", "test_list"):
            monkeypatch.setattr(kind, files, [[file, None] for file, _ in getattr(kind, files)])
        monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": None})
    monkeypatch.setattr(
        datasets.SVHN,
        "split_list",
        {split: [url, file, None] for split, (url, file, _) in datasets.SVHN.split_list.items()},
    )
    files = [(file, None) for file, _ in datasets.FashionMNIST.resources]
    monkeypatch.setattr(datasets.FashionMNIST, "resources", files)


CIFAR = card("torchvision_files", ["a", "b"], [3, 32, 32], torchvision="CIFAR10")


def write_cifar(folder: Path, kind: str = "CIFAR10"):
    """Batches of ten images as CIFAR's authors pickled them; images (n, 3, 32, 32) and labels."""
    place = folder / getattr(datasets, kind).base_folder
    place.mkdir()
    fine = "labels" if kind == "CIFAR10" else "fine_labels"
    batches = {}
    for name, _ in getattr(datasets, kind).train_list + getattr(datasets, kind).test_list:
        batches[name] = pixels(10, 3072), [i % 2 for i in range(10)]
        batch = {"data": batches[name][0], fine: batches[name][1], "coarse_labels": [0] * 10}
        (place / name).write_bytes(pickle.dumps(batch))
    meta = getattr(datasets, kind).meta
    (place / meta["filename"]).write_bytes(pickle.dumps({meta["key"]: ["a", "b"]}))
    *train, test = [(data.reshape(-1, 3, 32, 32), labels) for data, labels in batches.values()]
    labels = [label for _, of_batch in train for label in of_batch]
    return np.concatenate([data for data, _ in train]), labels, test


@pytest.mark.parametrize("kind", ["CIFAR10", "CIFAR100"])
def test_cifar_is_read_from_its_batches_with_fine_labels(folder, no_checksums, kind):
    images, labels, (test_images, test_labels) = write_cifar(folder, kind)
    found = stored({**CIFAR, "torchvision": kind}, folder.parent)
    inputs, found_labels, test = official(found)
    assert np.array_equal(inputs, images)
    assert found_labels == labels
    assert np.array_equal(test.inputs, test_images)
    assert test.labels.tolist() == test_labels
    assert found.class_names == ("a", "b")


def test_superclasses_come_from_the_fine_labels_of_torchvisions_files(folder, no_checksums):
    images, labels, _ = write_cifar(folder, "CIFAR100")
    lifted = {"classes": ["all"], "groups": ["a", "b"], "superclasses": {"all": ["a", "b"]}}
    found = stored({**CIFAR, "torchvision": "CIFAR100", **lifted}, folder.parent)
    inputs, found_labels, test = official(found)
    assert np.array_equal(inputs, images)
    assert set(found_labels) == {0}
    assert test.groups.tolist() == labels[:10]
    assert found.group_names == ("a", "b")


SVHN = card("torchvision_files", list("0123456789"), [3, 32, 32], torchvision="SVHN")


def test_svhn_is_read_from_its_matrices_where_ten_means_zero(folder, no_checksums):
    images = {split: pixels(32, 32, 3, 20) for split in ("train", "test")}
    marks = np.tile(np.arange(1, 11), 2)[:, None].astype(np.uint8)
    for split, of_split in images.items():
        scipy.io.savemat(folder / f"{split}_32x32.mat", {"X": of_split, "y": marks})
    inputs, labels, test = official(stored(SVHN, folder.parent))
    assert np.array_equal(inputs, images["train"].transpose(3, 2, 0, 1))
    assert np.array_equal(test.inputs, images["test"].transpose(3, 2, 0, 1))
    assert labels == test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2


FASHION = card("torchvision_files", ["a", "b"], [1, 28, 28], torchvision="FashionMNIST")


def write_idx(
    folder: Path, packed: bool, images: np.ndarray, labels: list[int], at: str = "FashionMNIST/raw"
) -> Path:
    """The four IDX files, the test split with the first five examples."""
    raw = folder / at
    raw.mkdir(parents=True, exist_ok=True)
    for prefix, count in (("train", len(images)), ("t10k", 5)):
        head = np.array([2051, count, 28, 28], ">i4").tobytes()
        label_head = np.array([2049, count], ">i4").tobytes()
        for name, content in (
            ("images-idx3", head + images[:count].tobytes()),
            ("labels-idx1", label_head + bytes(labels[:count])),
        ):
            path = raw / f"{prefix}-{name}-ubyte"
            if packed:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)
    return raw


@pytest.mark.parametrize("at", [".", "FashionMNIST/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_read_from_idx_packed_or_not_whoever_packed_it(folder, packed, at):
    images, labels = pixels(20, 28, 28), [i % 2 for i in range(20)]
    raw = write_idx(folder, packed, images, labels, at)
    before = sorted(path.name for path in raw.iterdir())
    inputs, found_labels, test = official(stored(FASHION, folder.parent))
    assert np.array_equal(inputs, images[:, None])
    assert np.array_equal(test.inputs, images[:5, None])
    assert (found_labels, test.labels.tolist()) == (labels, labels[:5])
    assert sorted(path.name for path in raw.iterdir()) == before


@pytest.mark.parametrize("lost", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_half_downloaded_cifar_is_named(folder, cache_dir, no_checksums, lost):
    write_cifar(folder)
    (folder / "cifar-10-batches-py" / lost).unlink()
    assert refused(CIFAR, folder, cache_dir) == (
        f"{folder / 'cifar-10-batches-py' / lost}: missing; fetch it again, or delete what there "
        "is and run `mubench data fetch toy`"
    )


def test_an_altered_file_is_refused_before_it_is_unpickled(folder, cache_dir):
    write_cifar(folder)
    line = refused(CIFAR, folder, cache_dir)
    assert "data_batch_1: not the published file; fetch it again" in line


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("no images", "no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in it; fetch it"),
        ("half a gzip", "t10k-labels-idx1-ubyte.gz: not a whole IDX file (Compressed file ended"),
        ("half a file", "images-idx3-ubyte: not a whole IDX file (4984 bytes where 15680 should"),
        ("another file", "train-images-idx3-ubyte: not a whole IDX file (it begins otherwise)"),
        ("a cut header", "train-images-idx3-ubyte: not a whole IDX file (it begins otherwise)"),
        ("an empty file", "train-images-idx3-ubyte: not a whole IDX file (it begins otherwise)"),
        ("fewer labels", "train-images-idx3-ubyte.gz: images (20, 1, 28, 28) and 5 labels, but "),
        ("another size", "train-images-idx3-ubyte.gz: images (20, 1, 28, 28) and 20 labels, but "),
    ],
)
def test_bad_idx_files_are_named(folder, cache_dir, harm, expected):
    packed = harm in ("no images", "half a gzip", "fewer labels", "another size")
    raw = write_idx(folder, packed, pixels(20, 28, 28), [i % 2 for i in range(20)])
    of = {**FASHION, "input_shape": [1, 32, 32]} if harm == "another size" else FASHION
    if harm == "no images":
        (raw / "train-images-idx3-ubyte.gz").unlink()
    elif harm == "half a gzip":
        os.truncate(raw / "t10k-labels-idx1-ubyte.gz", 20)
    elif harm == "another file":
        (raw / "train-images-idx3-ubyte").write_bytes(b"<html>" * 9)
    elif not packed:
        size = {"half a file": 5000, "a cut header": 6, "an empty file": 0}[harm]
        os.truncate(raw / "train-images-idx3-ubyte", size)
    elif harm == "fewer labels":
        shutil.copy(raw / "t10k-labels-idx1-ubyte.gz", raw / "train-labels-idx1-ubyte.gz")
    line = refused(of, folder, cache_dir)
    assert expected in line
    assert "again" in line


def test_torn_matrices_and_unknown_classes_of_torchvision_are_named(
    folder, cache_dir, no_checksums
):
    for split in ("train", "test"):
        (folder / f"{split}_32x32.mat").write_bytes(b"torn")
    assert "train_32x32.mat: torchvision cannot read it (" in refused(SVHN, folder, cache_dir)
    line = refused({**SVHN, "torchvision": "SHVN"}, folder, cache_dir)
    assert line == "dataset toy: torchvision: unknown class 'SHVN'; did you mean 'SVHN'?"


def test_fetching_asks_torchvision_for_both_splits(folder, monkeypatch):
    asked = []
    for name in ("CIFAR10", "SVHN"):
        monkeypatch.setattr(datasets, name, lambda root, **how: asked.append((root, how)))
    torchvision_files.fetch(CIFAR, folder)
    torchvision_files.fetch(SVHN, folder)
    assert asked == [
        (folder, {"download": True, "train": True}),
        (folder, {"download": True, "train": False}),
        (folder, {"download": True, "split": "train"}),
        (folder, {"download": True, "split": "test"}),
    ]


def test_a_download_that_fails_says_what_to_put_where(folder, monkeypatch):
    def offline(*_, **__):
        raise OSError("no\nnetwork")

    monkeypatch.setattr(datasets, "CIFAR10", offline)
    with pytest.raises(MubenchError) as caught:
        list(fetch(cards.data_card(CIFAR), str(folder.parent)))
    assert str(caught.value) == (
        f"dataset toy: cannot be downloaded from here (no network); put into {folder} "
        "the files that torchvision downloads"
    )


def test_a_changed_file_of_torchvision_is_read_again(folder, no_checksums):
    write_cifar(folder)
    before = torchvision_files.stamp(CIFAR, folder)
    (folder / "cifar-10-batches-py" / "test_batch").write_bytes(b"other")
    assert torchvision_files.stamp(CIFAR, folder) != before


REAL_FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
def test_real_fashion_mnist_is_what_its_card_declares(tmp_path):
    if not REAL_FASHION.is_dir():
        pytest.skip("no real Fashion-MNIST: install Debian's package dataset-fashion-mnist")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fashion_mnist").symlink_to(REAL_FASHION)
    of = cards.dataset("fashion_mnist")
    findings = dict(check(of, str(tmp_path / "data")))
    assert findings["fingerprint"] == of.card["fingerprint"]
    assert "wrong" not in findings


# Folders of images

FOLDERS = card("image_folder", ["ant", "bee"], [3, 4, 6])


def write_folders(folder: Path, test: str = "val", names=("ant", "bee")) -> dict[str, list]:
    """Twelve training and two test images of each class, under suffixes that cycle."""
    images = {"train": [], "test": []}
    for name in names:
        for i in range(12):
            suffix = ("JPEG", "jpg", "jpeg", "png")[i % 4]
            images["train"].append(pixels(4, 6, 3))
            save(folder / "train" / name / f"{i:02}.{suffix}", images["train"][-1])
        for i in range(2):
            images["test"].append(pixels(4, 6, 3))
            save(folder / test / name / f"{i}.png", images["test"][-1])
    return images


def stacked(images: list) -> np.ndarray:
    return np.stack(images).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("test_name", ["test", "val", "validation"])
def test_images_come_by_class_and_name_whatever_the_batch(folder, monkeypatch, test_name):
    monkeypatch.setattr(image_files, "BATCH", 5)
    images = write_folders(folder, test_name)
    (folder / "train" / "ant" / "notes.txt").write_text("no image")
    (folder / "train" / ".hidden").mkdir()
    inputs, labels, test = official(stored(FOLDERS, folder.parent))
    assert np.array_equal(inputs, stacked(images["train"]))
    assert labels == [0] * 12 + [1] * 12
    assert np.array_equal(test.inputs, stacked(images["test"]))
    assert test.labels.tolist() == [0, 0, 1, 1]


def test_without_a_test_folder_a_share_is_held_out(folder):
    write_folders(folder)
    shutil.rmtree(folder / "val")
    found = stored(FOLDERS, folder.parent)
    assert {name: len(split.ids) for name, split in found.splits.items()} == {
        "train": 18,
        "validation": 2,
        "test": 4,
    }


def test_the_folders_of_a_card_give_the_order_of_its_classes(folder):
    images = write_folders(folder, names=("n01", "n02"))
    inputs, labels, _ = official(stored({**FOLDERS, "folders": ["n02", "n01"]}, folder.parent))
    assert labels == [0] * 12 + [1] * 12
    assert np.array_equal(inputs, stacked(images["train"][12:] + images["train"][:12]))


def test_images_of_any_size_and_mode_are_fitted_where_the_card_says_so(folder):
    write_folders(folder)
    save(folder / "train" / "ant" / "00.JPEG", np.full((40, 20), 9, np.uint8))
    save(folder / "train" / "ant" / "01.jpg", np.full((2, 3, 4), 255, np.uint8))
    of = {**FOLDERS, "resize": True, "stored_shape": [3, 8, 8]}
    inputs, _, _ = official(stored(of, folder.parent))
    assert inputs.shape == (24, 3, 8, 8)
    assert (inputs[0] == 9).all()
    assert (inputs[1] == 255).all()


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("a class too many", "train: 3 folders of classes, but the card has 2 classes; put the"),
        ("a class less in val", "val: the folder bee is missing; put it there"),
        ("another class in val", "val: the folder cow belongs to no class; remove it"),
        ("flat val", "val/ILSVRC2012_val_00000001.JPEG: not in the folder of a class; move the "),
        ("loose image", "train/loose.png: not in the folder of a class; move the images of train/"),
        ("another size", "train/bee/01.jpg: the image is RGB 6x2, but all must be RGB 6x4; fetch"),
        ("another mode", "train/bee/01.jpg: the image is L 6x4, but all must be RGB 6x4; fetch"),
        ("torn", "val/ant/0.png: the image cannot be decoded ("),
        ("unreadable", "val/ant/0.png: cannot be read (No such file or directory); fetch this"),
    ],
)
def test_a_bad_folder_of_images_is_named(folder, cache_dir, harm, expected):
    write_folders(folder)
    if harm == "a class too many":
        (folder / "train" / "cow").mkdir()
    elif harm == "a class less in val":
        shutil.rmtree(folder / "val" / "bee")
    elif harm == "another class in val":
        (folder / "val" / "cow").mkdir()
    elif harm == "flat val":
        shutil.rmtree(folder / "val")
        save(folder / "val" / "ILSVRC2012_val_00000001.JPEG", pixels(4, 6, 3))
        save(folder / "test" / "ILSVRC2012_test_00000001.JPEG", pixels(4, 6, 3))
    elif harm == "loose image":
        save(folder / "train" / "loose.png", pixels(4, 6, 3))
    elif harm == "another size":
        save(folder / "train" / "bee" / "01.jpg", pixels(2, 6, 3))
    elif harm == "another mode":
        save(folder / "train" / "bee" / "01.jpg", pixels(4, 6))
    elif harm == "torn":
        os.truncate(folder / "val" / "ant" / "0.png", 60)
    else:
        (folder / "val" / "ant" / "0.png").unlink()
        (folder / "val" / "ant" / "0.png").symlink_to(folder / "nowhere")
    assert expected in refused(FOLDERS, folder, cache_dir)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_class_without_images_is_named(folder, cache_dir, split):
    write_folders(folder)
    for path in (folder / split / "bee").iterdir():
        path.unlink()
    line = refused(FOLDERS, folder, cache_dir)
    assert line == f"{folder / split / 'bee'}: no JPEG or PNG images in it; put them there"


def test_folders_belong_to_classes_by_name_and_not_by_position(folder):
    images = write_folders(folder)
    found = stored({**FOLDERS, "classes": ["bee", "ant"]}, folder.parent)
    inputs, labels, _ = official(found)
    assert np.array_equal(inputs, stacked(images["train"][12:] + images["train"][:12]))
    assert (found.class_names, labels) == (("bee", "ant"), [0] * 12 + [1] * 12)


def test_folders_of_other_names_than_the_classes_are_not_guessed_at(folder, cache_dir):
    write_folders(folder)
    line = refused({**FOLDERS, "classes": ["ant", "wasp"]}, folder, cache_dir)
    assert line == f"{folder / 'train'}: the folder bee belongs to no class; remove it"


def test_folders_that_a_card_does_not_name_are_refused(folder, cache_dir):
    write_folders(folder)
    line = refused({**FOLDERS, "folders": ["ant", "n02"]}, folder, cache_dir)
    assert line == f"{folder / 'train'}: the folder bee belongs to no class; remove it"


def test_an_image_that_comes_later_is_read(folder):
    write_folders(folder)
    before = image_folder.stamp(FOLDERS, folder)
    os.utime(folder / "train" / "ant", ns=(1, 1))
    assert image_folder.stamp(FOLDERS, folder) != before


def test_a_test_folder_without_classes_gives_way_to_val(folder):
    images = write_folders(folder)
    save(folder / "test" / "ILSVRC2012_test_00000001.JPEG", pixels(4, 6, 3))
    _, _, test = official(stored(FOLDERS, folder.parent))
    assert np.array_equal(test.inputs, stacked(images["test"]))


# Tiny-ImageNet

TINY = card("tiny_imagenet", ["fish", "cat"], [3, 64, 64], folders=["n01", "n02"])


def write_tiny(root: Path) -> dict[str, list]:
    """Two classes of twelve training images; validation images in one folder, one of them grey."""
    images = {"train": [], "test": [pixels(64, 64), pixels(64, 64, 3), pixels(64, 64, 3)]}
    root.mkdir(exist_ok=True)
    (root / "wnids.txt").write_text("n02\nn01\n")
    (root / "words.txt").write_text("n00\tentity\nn01\tfish, swimmer\nn02\tcat\n")
    for wnid in ("n01", "n02"):
        for i in range(12):
            images["train"].append(pixels(64, 64, 3))
            save(root / "train" / wnid / "images" / f"{wnid}_{i:02}.JPEG", images["train"][-1])
    for i, image in enumerate(images["test"]):
        save(root / "val" / "images" / f"val_{i}.JPEG", image)
    lines = [f"val_{i}.JPEG\tn0{i % 2 + 1}\t0\t0\t62\t62\n" for i in (2, 0, 1)]
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    return images


@pytest.mark.parametrize("inner", [False, True])
def test_tiny_imagenet_is_read_from_its_own_layout(folder, inner):
    images = write_tiny(folder / "tiny-imagenet-200" if inner else folder)
    found = stored(TINY, folder.parent)
    inputs, labels, test = official(found)
    assert np.array_equal(inputs, stacked(images["train"]))
    assert labels == [0] * 12 + [1] * 12
    assert (test.inputs[0] == images["test"][0]).all()
    assert np.array_equal(test.inputs[1:], stacked(images["test"][1:]))
    assert test.labels.tolist() == [0, 1, 0]
    assert found.class_names == ("fish", "cat")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("n01\tfish, swimmer\nn02\tcat\n", ("fish", "cat")),
        ("n01\tcrane, bird\nn02\tcrane\n", ("crane n01", "crane n02")),
        ("n01\tfish\n", ("fish", "n02")),
        (None, ("n01", "n02")),
    ],
)
def test_classes_that_a_card_does_not_name_are_called_by_their_words(folder, words, names):
    write_tiny(folder)
    (folder / "words.txt").unlink()
    if words is not None:
        (folder / "words.txt").write_text(words)
    of = {key: value for key, value in TINY.items() if key != "folders"}
    assert stored(of, folder.parent).class_names == names


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (
            "unknown class",
            "val_annotations.txt: line 1: unknown class 'n77'; fetch this file again",
        ),
        ("no tab", "val_annotations.txt: line 1: unknown class ''; fetch this file again"),
        ("no image", "val/images/val_1.JPEG: missing; put it there"),
        ("no annotation", "val_annotations.txt: no line for val_9.JPEG; fetch this file again"),
        ("no annotations", "val_annotations.txt: no such file; put it there"),
        ("not text", "val_annotations.txt: cannot be read ("),
        ("no class", "train/n02/images: cannot be listed (No such file or directory); put the"),
        ("a class more", "wnids.txt: n03 is in either it or the card, but not in both; expected"),
        ("another size", "train/n01/images/n01_00.JPEG: the image is RGB 32x32, but all must be "),
    ],
)
def test_a_bad_tiny_imagenet_is_named(folder, cache_dir, harm, expected):
    write_tiny(folder)
    annotations = folder / "val" / "val_annotations.txt"
    if harm == "unknown class":
        annotations.write_text("val_0.JPEG\tn77\t0\t0\t1\t1\n")
    elif harm == "no tab":
        annotations.write_text("val_0.JPEG n01\n")
    elif harm == "no image":
        (folder / "val" / "images" / "val_1.JPEG").unlink()
    elif harm == "no annotation":
        save(folder / "val" / "images" / "val_9.JPEG", pixels(64, 64, 3))
    elif harm == "no annotations":
        annotations.unlink()
    elif harm == "not text":
        annotations.write_bytes(b"\xff\xfe\x00")
    elif harm == "no class":
        shutil.rmtree(folder / "train" / "n02")
    elif harm == "a class more":
        (folder / "wnids.txt").write_text("n01\nn02\nn03\n")
    else:
        save(folder / "train" / "n01" / "images" / "n01_00.JPEG", pixels(32, 32, 3))
    assert expected in refused(TINY, folder, cache_dir)


def test_a_count_of_classes_that_is_not_the_cards_is_refused(folder, cache_dir):
    write_tiny(folder)
    of = card("tiny_imagenet", ["only"], [3, 64, 64])
    assert "wnids.txt: 2 classes; expected the 1 classes of the" in refused(of, folder, cache_dir)


def test_a_changed_list_of_tiny_imagenet_is_read_again(folder):
    write_tiny(folder)
    before = tiny_imagenet.stamp(TINY, folder)
    (folder / "val" / "val_annotations.txt").write_text("")
    assert tiny_imagenet.stamp(TINY, folder) != before


# CelebA

FACES = card("celeba", ["not smiling", "smiling"], [3, 5, 4], attribute="Smiling")
PARTITION = [0] * 20 + [1] * 3 + [2] * 4
SMILES = [1 if i % 3 else -1 for i in range(27)]
PERSONS = [900 - 7 * (i % 5) for i in range(23)] + [12, 4000, 900, 12]


def write_faces(folder: Path, form: str = "txt") -> np.ndarray:
    """27 faces, of which three are for validation, and the lists in either form."""
    images = pixels(27, 5, 4, 3)
    names = [f"{i + 1:06}.jpg" for i in range(27)]
    for name, image in zip(names, images, strict=True):
        save(folder / "img_align_celeba" / name, image)
    lists = {
        "list_attr_celeba": (["Young", "Smiling"], [(1, smile) for smile in SMILES]),
        "identity_CelebA": (["identity"], [(person,) for person in PERSONS]),
        "list_eval_partition": (["partition"], [(number,) for number in PARTITION]),
    }
    for stem, (columns, rows) in lists.items():
        cells = [[name, *map(str, row)] for name, row in zip(names, rows, strict=True)]
        if form == "csv":
            lines = [",".join(row) for row in [["image_id", *columns], *cells]]
        else:
            head = ["27", " ".join(columns)] if stem == "list_attr_celeba" else []
            lines = [*head, *("  ".join(row) for row in cells)]
        (folder / f"{stem}.{form}").write_text("\n".join(lines) + "\n")
    return images


@pytest.mark.parametrize("form", ["txt", "csv"])
def test_faces_have_an_attribute_as_label_and_the_person_as_group(folder, form):
    images = write_faces(folder, form)
    found = stored(FACES, folder.parent)
    inputs, labels, test = official(found)
    assert np.array_equal(inputs, stacked(list(images[:20])))
    assert labels == [int(smile == 1) for smile in SMILES[:20]]
    assert np.array_equal(test.inputs, stacked(list(images[23:])))
    assert test.labels.tolist() == [int(smile == 1) for smile in SMILES[23:]]
    assert found.group_names == ("12", "872", "879", "886", "893", "900", "4000")
    names = [int(found.group_names[group]) for group in test.groups]
    assert names == PERSONS[23:]
    held = found.splits["train"]
    assert [int(found.group_names[g]) for g in held.groups] == [PERSONS[i] for i in held.ids]


def test_faces_are_fitted(folder):
    write_faces(folder)
    of = {**FACES, "resize": True, "stored_shape": [3, 2, 2]}
    assert stored(of, folder.parent).splits["test"].inputs.shape == (4, 3, 2, 2)


def test_another_attribute_is_another_data_set(folder, cache_dir):
    write_faces(folder)
    with pytest.raises(DataError, match=r"class 0 \(not smiling\) has no training example"):
        stored({**FACES, "attribute": "Young"}, folder.parent)
    line = refused({**FACES, "attribute": "Smilling"}, folder, cache_dir)
    path = folder / "list_attr_celeba.txt"
    assert line == f"{path}: no attribute 'Smilling'; did you mean 'Smiling'?"


ATTRIBUTES, IDENTITIES, SPLITS = (
    "list_attr_celeba.txt",
    "identity_CelebA.txt",
    "list_eval_partition.txt",
)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (ATTRIBUTES, "27\n", "99\n", "27 images, but its first line says 99; fetch this file"),
        (ATTRIBUTES, "000004.jpg  1  -1", "000004.jpg  1  0", "line 6: an image and 2 numbers of"),
        (ATTRIBUTES, "000004.jpg  1  -1", "000004.jpg  1", "line 6: an image and 2 numbers of"),
        (ATTRIBUTES, "000004.jpg", "x.jpg", "no line for 000004.jpg; fetch this file again"),
        (IDENTITIES, "000026.jpg  900", "000026.jpg  nobody", "line 26: an image and 1 numbers "),
        (IDENTITIES, "000027.jpg  12\n", "", "no line for 000027.jpg; fetch this file again"),
        (SPLITS, "000027.jpg  2", "000027.jpg  3", "line 27: an image and 1 numbers of (0, 1, 2)"),
        (SPLITS, "000027.jpg  2", "000028.jpg  2", None),
        (SPLITS, "000021.jpg  1\n", "", "no line for 000021.jpg; fetch this file again"),
    ],
)
def test_a_bad_list_of_faces_is_named(folder, cache_dir, file, old, new, expected):
    write_faces(folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    if expected is None:
        expected, file = "missing; put it there", "img_align_celeba/000028.jpg"
    assert refused(FACES, folder, cache_dir).startswith(f"{folder / file}: {expected}")


@pytest.mark.parametrize("file", [ATTRIBUTES, IDENTITIES, SPLITS])
def test_a_missing_or_empty_list_of_faces_is_named(folder, cache_dir, file):
    write_faces(folder)
    (folder / file).write_text("")
    assert refused(FACES, folder, cache_dir).startswith(f"{folder / file}: ")
    (folder / file).unlink()
    line = refused(FACES, folder, cache_dir)
    assert line == f"{folder / file}: no such file; put it there"


# 20 Newsgroups

NEWS = {
    "name": "toy",
    "title": "Toy",
    "modules": ["mubench.data.sources.newsgroups"],
    "modality": "text",
    "classes": ["alt.atheism", "sci.space"],
}


def write_news(folder: Path) -> dict[str, list[str]]:
    """Twelve training and two test messages of each newsgroup, in latin-1."""
    texts: dict[str, list[str]] = {"train": [], "test": []}
    for split, count in (("train", 12), ("test", 2)):
        for group in NEWS["classes"]:
            place = folder / f"20news-bydate-{split}" / group
            place.mkdir(parents=True)
            for i in range(count):
                text = f"From: caf\xe9@{group}\r\nLines: {i}\n\n{split} > \xfc{i}\n"
                (place / str(10100 + i)).write_bytes(text.encode("latin-1"))
                texts[split].append(text)
    return texts


def pack(folder: Path) -> None:
    """Make the two folders into the file that scikit-learn's fetcher keeps."""
    kept = {
        split: load_files(folder / f"20news-bydate-{split}", encoding="latin1")
        for split in ("train", "test")
    }
    packed = codecs.encode(pickle.dumps(kept), "zlib_codec")
    (folder / "20news-bydate_py3.pkz").write_bytes(packed)
    for split in kept:
        shutil.rmtree(folder / f"20news-bydate-{split}")


@pytest.mark.parametrize("fetched", [False, True])
def test_messages_come_whole_by_newsgroup_and_number(folder, fetched):
    texts = write_news(folder)
    if fetched:
        pack(folder)
    inputs, labels, test = official(stored(NEWS, folder.parent))
    assert inputs == texts["train"]
    assert labels == [0] * 12 + [1] * 12
    assert list(test.inputs) == texts["test"]
    assert test.labels.tolist() == [0, 0, 1, 1]


def test_both_forms_of_the_messages_have_one_fingerprint(folder):
    write_news(folder)
    before = stored(NEWS, folder.parent).fingerprint
    pack(folder)
    assert stored(NEWS, folder.parent).fingerprint == before


def test_topics_are_superclasses_of_newsgroups(folder):
    write_news(folder)
    topics = {"classes": ["all"], "groups": NEWS["classes"]}
    found = stored({**NEWS, **topics, "superclasses": {"all": NEWS["classes"]}}, folder.parent)
    assert found.splits["test"].labels.tolist() == [0] * 4
    assert found.splits["test"].groups.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("no test", "20news-bydate-test: the newsgroup alt.atheism is missing; fetch it again"),
        ("a group less", "20news-bydate-train: the newsgroup sci.space is missing; fetch it again"),
        ("a group more", "20news-bydate-train: the newsgroup x.y is not on the card; remove it"),
        ("torn", "20news-bydate_py3.pkz: scikit-learn cannot read it ("),
        ("another file", "20news-bydate_py3.pkz: scikit-learn cannot read it ("),
        ("other groups", "20news-bydate_py3.pkz: the newsgroup x.y is not on the card; remove it"),
        ("nothing", "none of its files in it; put there 20news-bydate-train/ and 20news-bydate-"),
    ],
)
def test_bad_messages_are_named(folder, cache_dir, capsys, harm, expected):
    write_news(folder)
    packed = folder / "20news-bydate_py3.pkz"
    if harm == "no test":
        shutil.rmtree(folder / "20news-bydate-test")
    elif harm == "a group less":
        shutil.rmtree(folder / "20news-bydate-train" / "sci.space")
    elif harm == "a group more":
        (folder / "20news-bydate-train" / "x.y").mkdir()
    elif harm == "torn":
        pack(folder)
        os.truncate(packed, 100)
    elif harm == "another file":
        pack(folder)
        packed.write_bytes(codecs.encode(pickle.dumps({"train": []}), "zlib_codec"))
    elif harm == "other groups":
        (folder / "20news-bydate-train" / "x.y").mkdir()
        pack(folder)
    else:
        shutil.rmtree(folder / "20news-bydate-train")
    assert expected in refused(NEWS, folder, cache_dir)
    assert capsys.readouterr().out == ""


def test_messages_are_fetched_by_scikit_learn(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("sklearn.datasets.fetch_20newsgroups", lambda **how: asked.append(how))
    newsgroups.fetch(NEWS, folder)
    assert asked == [{"data_home": folder, "shuffle": False}]
    assert callable(fetch_20newsgroups)


# Cards


@pytest.mark.parametrize("name", cards.names("datasets"))
def test_the_names_of_a_card_fit_together(name):
    of = cards.dataset(name)
    assert len(of.card.get("folders", of.classes)) == len(set(of.card.get("folders", of.classes)))
    assert len(of.card.get("folders", of.classes)) == len(of.classes)
    for superclass, members in of.card.get("superclasses", {}).items():
        assert superclass in of.classes
        assert set(members) <= set(of.groups)
    if "superclasses" in of.card:
        members = [fine for found in of.card["superclasses"].values() for fine in found]
        assert sorted(members) == sorted(of.groups)
        assert list(of.card["superclasses"]) == list(of.classes)
    if "torchvision" in of.card:
        assert of.card["torchvision"] in torchvision_files.KINDS


def test_imagenets_card_has_torchvisions_names():
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    of = cards.dataset("imagenet")
    assert list(of.classes) == _IMAGENET_CATEGORIES
    assert of.card["folders"] == sorted(of.card["folders"])
    names = dict(zip(of.card["folders"], of.classes, strict=True))
    tiny = cards.dataset("tiny_imagenet")
    assert list(tiny.classes) == [names[wnid] for wnid in tiny.card["folders"]]
    assert tiny.card["folders"] == sorted(tiny.card["folders"])


def test_a_fingerprint_is_what_is_cached_and_else_what_the_card_assumes(folder):
    write_folders(folder)
    declared = {**FOLDERS, "fingerprint": "of another order"}
    assert known_fingerprint(declared, folder / "elsewhere") == "of another order"
    assert known_fingerprint(declared, folder.parent) == "of another order", "not decoded yet"
    decode_present([cards.data_card(declared)], str(folder.parent))
    found = known_fingerprint(declared, folder.parent)
    assert found == stored(FOLDERS, folder.parent).fingerprint != "of another order"


def test_data_that_are_not_here_are_passed_over(folder):
    write_folders(folder)
    absent, here = {**FOLDERS, "name": "absent"}, {**FOLDERS, "fingerprint": "declared"}
    decode_present([cards.data_card(card) for card in (absent, FOLDERS)], str(folder.parent))
    assert known_fingerprint(here, folder.parent) != "declared", "the next one was decoded"
