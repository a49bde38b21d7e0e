"""Decoded data: read once, divided into splits, decoded again after a change."""

import numpy as np
import pytest
import torch

from mubench.data.cache import decoded as stored_module
from mubench.data.cache.decoded import SPLITS, stored_dataset
from mubench.data.dataset import load_dataset
from mubench.data.sources import parquet
from tests.support.parquet_files import CARD, LABELS, PIXELS, PNG, read_stored, whole, write_parquet
from tests.support.texts import TEXT_CARD, TEXTS, write_texts

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_an_official_test_split_stays_whole_and_has_ids_of_its_own(parquet_folder):
    dataset = load_dataset(CARD, {}, SPLITS, "cpu", parquet_folder.parent)
    assert dataset.test.ids.tolist() == list(range(30, 40))
    assert len(dataset.validation) == 2 * round(0.1 * 15)
    ids = torch.cat([dataset.train.ids, dataset.validation.ids])
    assert ids.sort().values.tolist() == list(range(30))
    batch = dataset.validation.take(torch.arange(len(dataset.validation)))
    stored_dataset = PIXELS.transpose(0, 3, 1, 2)[batch.ids] / 127.5 - 1
    assert batch.inputs.numpy() == pytest.approx(stored_dataset, abs=1e-5)


def test_the_second_read_decodes_nothing(parquet_folder, monkeypatch):
    first = read_stored(parquet_folder)
    monkeypatch.setattr(parquet, "decode", lambda *_, **__: pytest.fail("decoded again"))
    second = read_stored(parquet_folder)
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(whole(second), whole(first))
    assert all(isinstance(split.inputs, np.memmap) for split in second.splits.values())


def test_a_changed_file_is_decoded_again(parquet_folder):
    before = read_stored(parquet_folder).fingerprint
    write_parquet(parquet_folder / "train.parquet", PNG, LABELS[::-1])
    assert read_stored(parquet_folder).fingerprint != before


def test_other_code_that_divides_makes_the_cache_anew(parquet_folder, monkeypatch):
    before = stored_module.cache_name(CARD, parquet_folder.parent)
    assert stored_module.cache_name(CARD, parquet_folder.parent) == before
    monkeypatch.setattr(stored_module, "source_id", lambda *modules: "other code")
    assert stored_module.cache_name(CARD, parquet_folder.parent) != before


TEXT_LABELS = [i % 2 for i in range(40)]


def test_texts_and_labels_are_kept_as_they_are(tmp_path):
    texts = [*TEXTS[:30], "Grüße, 世界 \n\n\ttabs", *TEXTS[31:]]
    found = stored_dataset(TEXT_CARD, write_texts(tmp_path, train=texts))
    for split in ("train", "validation"):
        held = found.splits[split]
        assert list(held.inputs) == [texts[i] for i in held.ids]
        assert held.labels.tolist() == [TEXT_LABELS[i] for i in held.ids]
    assert list(found.splits["test"].inputs) == ["the sun", "a moon"]
