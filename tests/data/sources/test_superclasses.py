"""Superclasses are found by position, from every source of CIFAR-100."""

import numpy as np
import pytest

from mubench.data.cache.decoded import stored_dataset
from tests.support.parquet_files import LABELS, read_stored, whole, write_parquet
from tests.support.written_data import CIFAR, NEWS, official, write_cifar, write_news

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_superclasses_are_found_by_position_whatever_files_call_their_classes(parquet_folder):
    for split in ("train", "test"):
        write_parquet(parquet_folder / f"{split}.parquet", names=["ca", "dog"])
    lifted = {
        "classes": ["canine", "feline"],
        "groups": ["cat", "dog"],
        "superclasses": {"canine": ["dog"], "feline": ["cat"]},
    }
    found = read_stored(parquet_folder, **lifted)
    assert whole(found, "labels").tolist() == [1 - label for label in LABELS]
    assert whole(found, "groups").tolist() == LABELS
    assert (found.class_names, found.group_names) == (("canine", "feline"), ("cat", "dog"))


def test_superclasses_come_from_the_fine_labels_of_torchvisions_files(toy_data, no_checksums):
    images, labels, _ = write_cifar(toy_data, "CIFAR100")
    lifted = {"classes": ["all"], "groups": ["a", "b"], "superclasses": {"all": ["a", "b"]}}
    found = stored_dataset({**CIFAR, "torchvision": "CIFAR100", **lifted}, toy_data.parent)
    inputs, found_labels, test = official(found)
    assert np.array_equal(inputs, images)
    assert set(found_labels) == {0}
    assert test.groups.tolist() == labels[:10]
    assert found.group_names == ("a", "b")


def test_topics_are_superclasses_of_newsgroups(toy_data):
    write_news(toy_data)
    topics = {"classes": ["all"], "groups": NEWS["classes"]}
    found = stored_dataset(
        {**NEWS, **topics, "superclasses": {"all": NEWS["classes"]}}, toy_data.parent
    )
    assert found.splits["test"].labels.tolist() == [0] * 4
    assert found.splits["test"].groups.tolist() == [0, 0, 1, 1]
