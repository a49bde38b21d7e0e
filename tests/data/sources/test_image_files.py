"""Image files become arrays in a fixed order and size."""

import numpy as np
import pytest

from mubench.data.cache.decoded import stored_dataset
from mubench.data.sources import image_files
from tests.support.written_data import FOLDERS, official, save, stacked, write_folders

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.mark.parametrize("test_name", ["test", "val", "validation"])
def test_images_come_by_class_and_name_whatever_the_batch(toy_data, monkeypatch, test_name):
    monkeypatch.setattr(image_files, "BATCH", 5)
    images = write_folders(toy_data, test_name)
    (toy_data / "train" / "ant" / "notes.txt").write_text("no image")
    (toy_data / "train" / ".hidden").mkdir()
    inputs, labels, test = official(stored_dataset(FOLDERS, toy_data.parent))
    assert np.array_equal(inputs, stacked(images["train"]))
    assert labels == [0] * 12 + [1] * 12
    assert np.array_equal(test.inputs, stacked(images["test"]))
    assert test.labels.tolist() == [0, 0, 1, 1]


def test_images_of_any_size_and_mode_are_fitted_where_the_card_says_so(toy_data):
    write_folders(toy_data)
    save(toy_data / "train" / "ant" / "00.JPEG", np.full((40, 20), 9, np.uint8))
    save(toy_data / "train" / "ant" / "01.jpg", np.full((2, 3, 4), 255, np.uint8))
    of = {**FOLDERS, "resize": True, "stored_shape": [3, 8, 8]}
    inputs, _, _ = official(stored_dataset(of, toy_data.parent))
    assert inputs.shape == (24, 3, 8, 8)
    assert (inputs[0] == 9).all()
    assert (inputs[1] == 255).all()
