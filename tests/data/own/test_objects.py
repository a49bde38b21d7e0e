"""Objects of a notebook become files, with the same pixels, texts and labels."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision.datasets import FakeData, ImageFolder
from torchvision.transforms import ToTensor

from mubench.data.own.objects import save_objects
from mubench.errors import InputError, is_one_line
from tests.support.own_files import examples, folder_of_images, noise, opened

pytestmark = pytest.mark.usefixtures("cache_dir")
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 3, 5, 7), dtype=np.uint8)
GREY = RNG.integers(0, 256, (20, 5, 7), dtype=np.uint8)
LABELS = np.arange(20) % 2


def written(data, tmp_path):
    return examples(opened(**save_objects(data, tmp_path / "objects")))


@pytest.mark.parametrize(
    "data",
    [
        (PIXELS, LABELS),
        (PIXELS.transpose(0, 2, 3, 1), LABELS.tolist()),
        (torch.from_numpy(PIXELS), torch.from_numpy(LABELS)),
        (torch.from_numpy(PIXELS) / 255, torch.from_numpy(LABELS)),
        TensorDataset(torch.from_numpy(PIXELS), torch.from_numpy(LABELS)[:, None]),
        [{"image": image, "label": label} for image, label in zip(PIXELS, LABELS, strict=True)],
        {"train": (PIXELS, LABELS)},
    ],
)
def test_images_in_any_form(tmp_path, data):
    found = written(data, tmp_path)
    assert len(found) == 20
    for number, (pixels, name) in found.items():
        assert np.array_equal(pixels, PIXELS[number])
        assert name == str(LABELS[number])


def test_grey_images_and_names(tmp_path):
    found = written((GREY, ["cat", "dog"] * 10), tmp_path)
    assert all(np.array_equal(pixels[0], GREY[number]) for number, (pixels, _) in found.items())
    assert {name for _, name in found.values()} == {"cat", "dog"}


def test_texts(tmp_path):
    found = written(([f"text {i}" for i in range(20)], LABELS), tmp_path)
    assert all(text == f"text {i}" and name == str(i % 2) for i, (text, name) in found.items())


def test_data_sets_of_torchvision_keep_the_names_of_their_classes(tmp_path):
    folder_of_images(tmp_path / "pets", {"dog": 10, "cat": 10})
    for transform in (None, ToTensor()):
        found = written(ImageFolder(tmp_path / "pets", transform=transform), tmp_path)
        assert {name for _, name in found.values()} == {"cat", "dog"}
        assert np.array_equal(found[0][0], np.asarray(noise(11)).transpose(2, 0, 1))
    assert len(written(FakeData(size=30, image_size=(3, 4, 4), num_classes=2), tmp_path)) > 20


def test_a_data_set_of_the_hub_with_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    columns = {"text": [f"a {i}" for i in range(20)], "label": LABELS.tolist()}
    part = datasets.Dataset.from_dict(columns, features=features)
    found = written(datasets.DatasetDict({"train": part, "test": part.select([0, 1])}), tmp_path)
    assert {name for _, name in found.values()} == {"no", "yes"}
    assert set(found) == set(range(22)) - {0, 1} or set(found) == set(range(22))


@pytest.mark.parametrize("kind", ["array", "tensor", "frame"])
def test_rows_of_a_table(tmp_path, kind):
    values = RNG.normal(size=(20, 3))
    values[:, 1] = np.arange(20) % 4
    data = {"array": values, "tensor": torch.from_numpy(values)}
    if kind == "frame":
        pandas = pytest.importorskip("pandas")
        data["frame"] = pandas.DataFrame({"a": values[:, 0], "job": ["x", "y", "z", "x"] * 5})
    entry = save_objects((data[kind], LABELS), tmp_path / "objects")
    found = opened(**entry)
    names = ["a"] if kind == "frame" else ["x0", "x1", "x2"]
    assert (entry["features"], entry["numeric"]) == ("all", names)
    for split in found.splits.values():
        for row, number in enumerate(split.ids):
            assert np.isclose(split.inputs[row][0], values[number, 0])
            assert found.class_names[split.labels[row]] == str(number % 2)


def test_the_same_objects_are_the_same_files(tmp_path):
    one, two = (save_objects((PIXELS, LABELS), tmp_path) for _ in range(2))
    assert one == two
    assert save_objects((PIXELS, 1 - LABELS), tmp_path) != one


class Frame(list):
    """What tells a table of pandas."""

    iloc = None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (7, "(inputs, labels) or a Dataset is needed; got int"),
        ((PIXELS, LABELS[:3]), "20 inputs, but 3 labels"),
        ((PIXELS.astype(int), LABELS), "images are uint8 or fractions; got int64"),
        ((PIXELS / 100.0 - 1, LABELS), "fractions that are no pixels"),
        ((PIXELS[:, :2], LABELS), "got uint8 (2, 5, 7)"),
        ((np.zeros((20, 2), complex), LABELS), "rows of numbers are needed; got complex128"),
        ((np.zeros((20, 2)), LABELS[:3]), "20 inputs, but 3 labels"),
        ((PIXELS, LABELS / 2), "a label is a whole number or a name; got "),
        ({"train": (PIXELS, LABELS), "extra": (PIXELS, LABELS)}, "got train, extra"),
        ({"test": (PIXELS, LABELS)}, "a mapping has train"),
        ([{"picture": PIXELS[0], "label": 1}], "data: train[0]: has picture, label; one of image"),
        ([(PIXELS[0], 0), ("text", 1)], "images and texts together"),
        ([(PIXELS[0], 0), (PIXELS[1], "one")], "labels are numbers and names"),
        (
            (PIXELS, np.eye(2)[LABELS % 2]),
            "labels are a whole number or a name for each example; got (20, 2)",
        ),
        ((PIXELS, [None] * 20), "labels are a whole number or a name for each example; got None"),
        ((PIXELS.astype(float), LABELS), "; pixels are uint8 from 0 to 255 or fractions"),
        ([(np.zeros((0, 0, 3), np.uint8), 0)], "an image without pixels, (0, 0, 3)"),
        (Frame(), "a Frame of pandas; write it as a file, and give its path"),
        ([PIXELS[0]], "a pair of input and label is needed; got ndarray"),
        ([], "no examples"),
    ],
)
def test_objects_that_are_no_data(tmp_path, data, reason):
    with pytest.raises(InputError) as caught:
        save_objects(data, tmp_path)
    assert reason in str(caught.value)
    assert is_one_line(str(caught.value))
