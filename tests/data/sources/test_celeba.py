"""CelebA in its own layout: attributes, persons, and broken lists."""

from pathlib import Path

import numpy as np
import pytest

from mubench.data.cache.decoded import stored_dataset
from mubench.errors import DataError
from tests.support.written_data import card, official, pixels, refused, save, stacked

pytestmark = pytest.mark.usefixtures("cache_dir")


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
def test_faces_have_an_attribute_as_label_and_the_person_as_group(toy_data, form):
    images = write_faces(toy_data, form)
    found = stored_dataset(FACES, toy_data.parent)
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


def test_faces_are_fitted(toy_data):
    write_faces(toy_data)
    of = {**FACES, "resize": True, "stored_shape": [3, 2, 2]}
    assert stored_dataset(of, toy_data.parent).splits["test"].inputs.shape == (4, 3, 2, 2)


def test_another_attribute_is_another_data_set(toy_data, cache_dir):
    write_faces(toy_data)
    with pytest.raises(DataError, match=r"class 0 \(not smiling\) has no training example"):
        stored_dataset({**FACES, "attribute": "Young"}, toy_data.parent)
    line = refused({**FACES, "attribute": "Smilling"}, toy_data, cache_dir)
    path = toy_data / "list_attr_celeba.txt"
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
def test_a_bad_list_of_faces_is_named(toy_data, cache_dir, file, old, new, expected):
    write_faces(toy_data)
    text = (toy_data / file).read_text()
    assert old in text
    (toy_data / file).write_text(text.replace(old, new, 1))
    if expected is None:
        expected, file = "missing; put it there", "img_align_celeba/000028.jpg"
    assert refused(FACES, toy_data, cache_dir).startswith(f"{toy_data / file}: {expected}")


@pytest.mark.parametrize("file", [ATTRIBUTES, IDENTITIES, SPLITS])
def test_a_missing_or_empty_list_of_faces_is_named(toy_data, cache_dir, file):
    write_faces(toy_data)
    (toy_data / file).write_text("")
    assert refused(FACES, toy_data, cache_dir).startswith(f"{toy_data / file}: ")
    (toy_data / file).unlink()
    line = refused(FACES, toy_data, cache_dir)
    assert line == f"{toy_data / file}: no such file; put it there"
