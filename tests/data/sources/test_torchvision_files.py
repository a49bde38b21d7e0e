"""The files of torchvision: CIFAR and SVHN read, altered ones refused."""

import numpy as np
import pytest
import scipy.io
from torchvision import datasets

from mubench.catalogue import cards
from mubench.data.cache.decoded import stored_dataset
from mubench.data.sources import torchvision_files
from tests.support.written_data import CIFAR, card, official, pixels, refused, write_cifar

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.mark.parametrize("kind", ["CIFAR10", "CIFAR100"])
def test_cifar_is_read_from_its_batches_with_fine_labels(toy_data, no_checksums, kind):
    images, labels, (test_images, test_labels) = write_cifar(toy_data, kind)
    found = stored_dataset({**CIFAR, "torchvision": kind}, toy_data.parent)
    inputs, found_labels, test = official(found)
    assert np.array_equal(inputs, images)
    assert found_labels == labels
    assert np.array_equal(test.inputs, test_images)
    assert test.labels.tolist() == test_labels
    assert found.class_names == ("a", "b")


SVHN = card("torchvision_files", list("0123456789"), [3, 32, 32], torchvision="SVHN")


def test_svhn_is_read_from_its_matrices_where_ten_means_zero(toy_data, no_checksums):
    images = {split: pixels(32, 32, 3, 20) for split in ("train", "test")}
    marks = np.tile(np.arange(1, 11), 2)[:, None].astype(np.uint8)
    for split, of_split in images.items():
        scipy.io.savemat(toy_data / f"{split}_32x32.mat", {"X": of_split, "y": marks})
    inputs, labels, test = official(stored_dataset(SVHN, toy_data.parent))
    assert np.array_equal(inputs, images["train"].transpose(3, 2, 0, 1))
    assert np.array_equal(test.inputs, images["test"].transpose(3, 2, 0, 1))
    assert labels == test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2


@pytest.mark.parametrize("lost", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_half_downloaded_cifar_is_named(toy_data, cache_dir, no_checksums, lost):
    write_cifar(toy_data)
    (toy_data / "cifar-10-batches-py" / lost).unlink()
    assert refused(CIFAR, toy_data, cache_dir) == (
        f"{toy_data / 'cifar-10-batches-py' / lost}: missing; fetch it again, or delete what there "
        "is and run `mubench data fetch toy`"
    )


def test_an_altered_file_is_refused_before_it_is_unpickled(toy_data, cache_dir):
    write_cifar(toy_data)
    line = refused(CIFAR, toy_data, cache_dir)
    assert "data_batch_1: not the published file; fetch it again" in line


def test_torn_matrices_and_unknown_classes_of_torchvision_are_named(
    toy_data, cache_dir, no_checksums
):
    for split in ("train", "test"):
        (toy_data / f"{split}_32x32.mat").write_bytes(b"torn")
    assert "train_32x32.mat: torchvision cannot read it (" in refused(SVHN, toy_data, cache_dir)
    line = refused({**SVHN, "torchvision": "SHVN"}, toy_data, cache_dir)
    assert line == "dataset toy: torchvision: unknown class 'SHVN'; did you mean 'SVHN'?"


def test_fetching_asks_torchvision_for_both_splits(toy_data, monkeypatch):
    asked = []
    for name in ("CIFAR10", "SVHN"):
        monkeypatch.setattr(datasets, name, lambda root, **how: asked.append((root, how)))
    torchvision_files.fetch(CIFAR, toy_data)
    torchvision_files.fetch(SVHN, toy_data)
    assert asked == [
        (toy_data, {"download": True, "train": True}),
        (toy_data, {"download": True, "train": False}),
        (toy_data, {"download": True, "split": "train"}),
        (toy_data, {"download": True, "split": "test"}),
    ]


def test_a_changed_file_of_torchvision_is_read_again(toy_data, no_checksums):
    write_cifar(toy_data)
    before = torchvision_files.stamp(CIFAR, toy_data)
    (toy_data / "cifar-10-batches-py" / "test_batch").write_bytes(b"other")
    assert torchvision_files.stamp(CIFAR, toy_data) != before


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
        assert of.card["torchvision"] in torchvision_files.LAYOUTS


def test_imagenets_card_has_torchvisions_names():
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    of = cards.dataset("imagenet")
    assert list(of.classes) == _IMAGENET_CATEGORIES
    assert of.card["folders"] == sorted(of.card["folders"])
    names = dict(zip(of.card["folders"], of.classes, strict=True))
    tiny = cards.dataset("tiny_imagenet")
    assert list(tiny.classes) == [names[wnid] for wnid in tiny.card["folders"]]
    assert tiny.card["folders"] == sorted(tiny.card["folders"])
