"""Texts: without twins, as tokens that are the same everywhere."""

import json
import os
import subprocess
import sys

import pytest
import torch

from mubench.data import tokens
from mubench.data.dataset import load_dataset
from mubench.errors import DataError, InputError
from tests.support.texts import TEXT_CARD, TEXTS, write_texts

pytestmark = pytest.mark.usefixtures("cache_dir")


TOKENS = {"length": 12, "vocabulary": 300}


def loaded(folder, **options):
    return load_dataset(
        TEXT_CARD, options, ("train", "validation", "test"), "cpu", folder, tokens=TOKENS
    )


def test_a_batch_is_padded_tokens_between_cls_and_sep(tmp_path):
    dataset = loaded(write_texts(tmp_path))
    assert dataset.input_shape == (12,)
    batch = dataset.test.take(torch.arange(2))
    ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
    assert (ids.dtype, mask.dtype, ids.shape) == (torch.int64, torch.int64, (2, 12))
    assert (ids * (1 - mask) == 0).all(), "padding is token 0"
    for row, length in zip(ids, mask.sum(1), strict=True):
        assert (row[0], row[length - 1]) == (2, 3), "[CLS] ... [SEP]"
    long = dataset.train.take(torch.arange(5)).inputs
    assert (long["attention_mask"] == 1).all(), "longer texts are cut"
    assert (long["input_ids"][:, -1] == 3).all()
    assert 3 < ids.max() < TOKENS["vocabulary"]


def test_the_second_load_encodes_nothing(tmp_path, monkeypatch):
    folder = write_texts(tmp_path)
    first = loaded(folder)
    monkeypatch.setattr(tokens, "_encoder", lambda *_: pytest.fail("encoded again"))
    again = loaded(folder)
    every = torch.arange(len(first.train))
    assert torch.equal(
        first.train.take(every).inputs["input_ids"], again.train.take(every).inputs["input_ids"]
    )


def test_twins_and_empty_texts_are_left_out_of_training_alone(tmp_path):
    train = [*TEXTS, TEXTS[0], f"  {TEXTS[1]}\n", "", " \n", "a  moon"]
    folder = write_texts(tmp_path, train=train)
    plain, single = loaded(folder), loaded(folder, deduplicate=True)
    for split in ("validation", "test"):
        assert torch.equal(getattr(plain, split).ids, getattr(single, split).ids)
    held = set(plain.validation.ids.tolist())

    def plain_text(i):
        return " ".join(train[i].split())

    expected, seen = [], {"", "the sun", "a moon"} | {plain_text(i) for i in held}
    for i in plain.train.ids.tolist():
        if plain_text(i) not in seen:
            expected.append(i)
            seen.add(plain_text(i))
    assert single.train.ids.tolist() == expected
    assert len(plain.train) - len(expected) >= 4
    assert single.train.labels.tolist() == [i % 2 for i in expected]
    assert single.split_hash["train"] != plain.split_hash["train"]


LEARN = """
from mubench.data.tokens import _learned
texts = [f"ab{chr(97 + i % 26)} cd{chr(97 + i % 7)} zz{i % 11} the [SEP]" for i in range(500)]
print([list(ids) for ids in _learned(texts, 300, 16)(texts[:40])])
"""


def test_a_vocabulary_is_the_same_in_every_process():
    def learned(seed, threads):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads}
        run = [sys.executable, "-c", LEARN]
        return subprocess.run(
            run, capture_output=True, text=True, check=True, env=environment
        ).stdout

    found = learned("1", "1")
    assert found == learned("2", "4")
    assert all(ids.count(3) == 1 for ids in json.loads(found)), "[SEP] in a text is text"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"remove": ["header"]}, "dataset notes.remove: did you mean 'headers'?; got 'header'"),
        (
            {"remove": "headers"},
            "dataset notes.remove: a list of headers, footers, quotes is needed",
        ),
        ({"deduplicate": 1}, "dataset notes.deduplicate: true or false is needed; got 1"),
    ],
)
def test_impossible_options_are_refused_in_one_line(tmp_path, options, message):
    with pytest.raises(InputError) as caught:
        loaded(write_texts(tmp_path), **options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train": [*TEXTS[:5], None, *TEXTS[6:]]},
            "train.parquet: row 5: null in text column text",
        ),
        ({"column": "body"}, "no text column text or sentence or content of text; columns: body"),
        ({"train": list(range(40))}, "no text column text or sentence or content of text"),
        ({"train": ["all of one class"]}, "class 1 (night) has no training example"),
    ],
)
def test_bad_rows_are_named_in_one_line_and_leave_no_cache(tmp_path, cache_dir, changes, message):
    folder = write_texts(tmp_path, **changes)
    with pytest.raises(DataError) as caught:
        loaded(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_a_missing_tokenizer_is_named_and_leaves_no_tokens(tmp_path, cache_dir):
    (tmp_path / "empty").mkdir()
    source = {"length": 12, "source": str(tmp_path / "empty")}
    with pytest.raises(DataError, match=r"tokenizer .*empty: not found .* tokenizer\.json"):
        load_dataset(TEXT_CARD, {}, ("train",), "cpu", write_texts(tmp_path), tokens=source)
    assert [
        path.name for path in cache_dir.iterdir() if "tokens" in path.name and path.is_dir()
    ] == []


def test_the_tokenizer_of_a_folder_is_used(tmp_path):
    from transformers import BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sun", "moon", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "model")
    source = {"length": 12, "source": str(tmp_path / "model")}
    dataset = load_dataset(TEXT_CARD, {}, ("test",), "cpu", write_texts(tmp_path), tokens=source)
    assert dataset.test.take(torch.arange(2)).inputs["input_ids"][:, :5].tolist() == [
        [2, 5, 6, 3, 0],
        [2, 8, 7, 3, 0],
    ]


def test_an_image_model_is_no_reader_of_texts(tmp_path):
    with pytest.raises(InputError, match="texts need a model that says its `tokens`"):
        load_dataset(TEXT_CARD, {}, ("train",), "cpu", write_texts(tmp_path))


def test_without_the_packages_the_extra_is_named(monkeypatch, tmp_path):
    def missing(name):
        raise tokens.PackageNotFoundError(name)

    monkeypatch.setattr(tokens, "version", missing)
    with pytest.raises(InputError, match=r"pip install 'mubench\[text\]'"):
        loaded(write_texts(tmp_path))


def test_another_tokenizer_in_the_same_folder_is_another(tmp_path):
    from transformers import BertTokenizerFast

    def first_tokens(words):
        (tmp_path / "vocab.txt").write_text("\n".join(words))
        BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "model")
        source = {"length": 12, "source": str(tmp_path / "model")}
        dataset = load_dataset(TEXT_CARD, {}, ("test",), "cpu", tmp_path, tokens=source)
        return dataset.test.take(torch.arange(2)).inputs["input_ids"][:, :4].tolist()

    write_texts(tmp_path)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert first_tokens([*special, "the", "sun"]) == [[2, 5, 6, 3], [2, 1, 1, 3]]
    assert first_tokens([*special, "moon", "sun", "the"]) == [[2, 7, 6, 3], [2, 1, 5, 3]]
