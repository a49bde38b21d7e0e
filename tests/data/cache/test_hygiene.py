"""Twins of a person's data, from the files to D_tr, D_f and the sentences about them."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from mubench.data.availability import known_findings
from mubench.data.cache.hygiene import crossing, findings
from mubench.data.dataset import load_dataset
from mubench.data.forget_sets import split_forget_retain
from mubench.data.scenario import Classes, Random
from mubench.errors import InputError
from tests.support.own_files import declared, encoded, noise, opened, solid, write_images

pytestmark = pytest.mark.usefixtures("cache_dir")
SIZE = (24, 24)


@pytest.fixture
def folder(tmp_path):
    """60 images of two classes: 10 to 19 repeat 0 to 9, and 59 repeats 30 with another label.

    Three of twelve test images are training images with other labels.
    """
    images = [encoded(noise(i, SIZE)) for i in range(60)]
    images[10:20] = images[:10]
    images[59] = images[30]
    labels = [i % 2 for i in range(60)]
    write_images(tmp_path / "d" / "train.parquet", images, pa.array(labels))
    held_out = [encoded(noise(1000 + i, SIZE)) for i in range(9)] + images[40:43]
    held_out[0] = encoded(solid("red", SIZE))
    write_images(tmp_path / "d" / "test.parquet", held_out, pa.array([0, 1] * 6))
    write_images(
        tmp_path / "d" / "validation.parquet",
        [encoded(noise(2000 + i, SIZE)) for i in range(6)],
        pa.array([0, 1] * 3),
    )
    return tmp_path / "d"


def train(folder, **options):
    spec = declared(folder, **options)
    return load_dataset(spec.card.card, spec.options, ("train",), "cpu").train


def test_twins_are_counted_and_told(folder):
    lines = list(findings(opened(folder), {"duplicates": "drop"}))
    assert lines == [
        "11 of 60 training examples repeat an earlier one, 3 are held out too (exact twins): left "
        "out of training",
        "4 groups of exact twins have different labels",
        "test: 1 example without content (blank)",
    ]


def test_a_plan_tells_of_twins_as_soon_as_the_data_are_decoded(folder):
    card = declared(folder).card
    assert known_findings(card, {})[-1] == "twins are counted when the data are decoded"
    opened(folder)
    assert "(exact twins): kept" in known_findings(card, {"duplicates": "keep"})[-3]


def test_by_default_all_but_the_first_are_left_out(folder):
    expected = [i for i in range(59) if not 10 <= i < 20 and not 40 <= i < 43]
    assert train(folder).ids.tolist() == expected


def test_kept_twins_stay(folder):
    assert train(folder, duplicates="keep").ids.tolist() == list(range(60))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("purpose", ["search", "final"])
@pytest.mark.parametrize("stratified", [False, True])
def test_twins_are_forgotten_together(folder, seed, purpose, stratified):
    part = train(folder, duplicates="together")
    assert part.ids.tolist() == [i for i in range(60) if not 40 <= i < 43]
    forget, retain = split_forget_retain(part, Random(0.2, stratified), purpose, seed)
    found = crossing(opened(folder), forget.ids.numpy(), retain.ids.numpy())
    assert found.exact == 0
    assert 11 <= len(forget) <= 12
    kept = split_forget_retain(train(folder, duplicates="keep"), Random(0.2), purpose, seed)
    crossed = crossing(opened(folder), *(side.ids.numpy() for side in kept))
    values = {i: i - 10 if 10 <= i < 20 else 30 if i == 59 else i for i in range(60)}
    of_retain = {values[i] for i in kept[1].ids.tolist()}
    assert crossed.exact == sum(values[i] in of_retain for i in kept[0].ids.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_search_and_final_sets_of_units_are_disjoint(folder, seed):
    part = train(folder, duplicates="together")
    search, _ = split_forget_retain(part, Random(0.1), "search", seed)
    final, _ = split_forget_retain(part, Random(0.5), "final", seed + 1)
    assert not torch.isin(search.ids, final.ids).any()
    assert not torch.isin(search.units, final.units).any()


def test_without_twins_units_change_no_draw(folder):
    """A data set in which nothing is there twice has the same forget sets either way."""
    part = train(folder, duplicates="drop")
    one, _ = split_forget_retain(part, Random(0.2), "final", 3)
    again = train(folder, duplicates="drop", near_duplicates="together")
    other, _ = split_forget_retain(again, Random(0.2), "final", 3)
    assert one.ids.tolist() == other.ids.tolist()


def test_a_class_is_all_of_its_examples_whatever_their_twins(folder):
    part = train(folder, duplicates="together")
    forget, _ = split_forget_retain(part, Classes((1,)), "final", 0)
    assert set(forget.ids.tolist()) == {i for i in part.ids.tolist() if i % 2}


def test_near_twins_can_be_dropped(tmp_path):
    images = [noise(i, SIZE) for i in range(20)]
    brighter = np.clip(np.asarray(images[4]).astype(int) + 3, 0, 255).astype(np.uint8)
    files = [encoded(image) for image in images]
    from PIL import Image

    files[6] = encoded(Image.fromarray(brighter))
    write_images(tmp_path / "d" / "train.parquet", files, pa.array([0, 1] * 10))
    everything = {"train": "train.parquet", "test": "test.parquet"}
    held_out = [encoded(noise(100 + i, SIZE)) for i in range(4)]
    write_images(tmp_path / "d" / "test.parquet", held_out, pa.array([0, 1] * 2))
    kept = set(train(tmp_path / "d", **everything).ids.tolist())
    left = set(train(tmp_path / "d", **everything, near_duplicates="drop").ids.tolist())
    held = set(opened(tmp_path / "d", **everything).splits["validation"].ids.tolist())
    assert {4, 6} <= kept or held & {4, 6}
    assert kept - left == ({6} if {4, 6} <= kept else kept & {4, 6})


def test_an_unknown_treatment_is_refused(folder):
    with pytest.raises(InputError, match="duplicates: one of drop, together, keep is needed"):
        train(folder, duplicates="merge")
