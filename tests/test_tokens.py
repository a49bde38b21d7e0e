"""Texts: cleaned, without twins, as tokens that are the same everywhere."""

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.datasets._twenty_newsgroups import (
    strip_newsgroup_footer,
    strip_newsgroup_header,
    strip_newsgroup_quoting,
)

from mubench.data import tokens
from mubench.data.cache.decoded import stored
from mubench.data.dataset import load
from mubench.data.sources.newsgroup_text import cleaned
from mubench.errors import DataError, InputError

pytestmark = pytest.mark.usefixtures("cache_dir")

TOKENS = {"length": 12, "vocabulary": 300}
CARD = {
    "name": "notes",
    "modules": ["mubench.data.sources.parquet"],
    "modality": "text",
    "classes": ["day", "night"],
    "options": {"remove": [], "deduplicate": False, "train_size": None},
}
TEXTS = [
    f"the {'sun' if i % 2 == 0 else 'moon'} number {i} shines on the hill and on river {i % 7}"
    for i in range(40)
]
LABELS = [i % 2 for i in range(40)]


def write(folder, train=TEXTS, test=("the sun", "a moon"), column="text"):
    (folder / "notes").mkdir(parents=True, exist_ok=True)
    for split, texts in (("train", train), ("test", test)):
        labels = [i % 2 for i in range(len(texts))]
        table = pa.table({column: list(texts), "label": labels})
        pq.write_table(table, folder / "notes" / f"{split}.parquet")
    return folder


def loaded(folder, **options):
    return load(CARD, options, ("train", "validation", "test"), "cpu", folder, tokens=TOKENS)


def test_texts_and_labels_are_kept_as_they_are(tmp_path):
    texts = [*TEXTS[:30], "Grüße, 世界 \n\n\ttabs", *TEXTS[31:]]
    found = stored(CARD, write(tmp_path, train=texts))
    for split in ("train", "validation"):
        held = found.splits[split]
        assert list(held.inputs) == [texts[i] for i in held.ids]
        assert held.labels.tolist() == [LABELS[i] for i in held.ids]
    assert list(found.splits["test"].inputs) == ["the sun", "a moon"]


def test_a_batch_is_padded_tokens_between_cls_and_sep(tmp_path):
    dataset = loaded(write(tmp_path))
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
    folder = write(tmp_path)
    first = loaded(folder)
    monkeypatch.setattr(tokens, "_encoder", lambda *_: pytest.fail("encoded again"))
    again = loaded(folder)
    every = torch.arange(len(first.train))
    assert torch.equal(
        first.train.take(every).inputs["input_ids"], again.train.take(every).inputs["input_ids"]
    )


def test_twins_and_empty_texts_are_left_out_of_training_alone(tmp_path):
    train = [*TEXTS, TEXTS[0], f"  {TEXTS[1]}\n", "", " \n", "a  moon"]
    folder = write(tmp_path, train=train)
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


MESSAGE = """From: someone
Subject: a thing

In article <1>, a friend writes:
> quoted words
> more of them

What I say about it.

--
my signature"""


@pytest.mark.parametrize(
    ("remove", "strips"),
    [
        ((), ()),
        (("headers",), (strip_newsgroup_header,)),
        (("quotes", "footers"), (strip_newsgroup_footer, strip_newsgroup_quoting)),
        (
            ("headers", "footers", "quotes"),
            (strip_newsgroup_header, strip_newsgroup_footer, strip_newsgroup_quoting),
        ),
    ],
)
def test_messages_are_cleaned_as_scikit_learn_does(remove, strips):
    expected = MESSAGE
    for strip in strips:
        expected = strip(expected)
    assert cleaned(MESSAGE, remove) == expected
    assert ("someone" in expected) is ("headers" not in remove)
    assert ("quoted words" in expected) is ("quotes" not in remove)
    assert "What I say" in expected


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
        loaded(write(tmp_path), **options)
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
    folder = write(tmp_path, **changes)
    with pytest.raises(DataError) as caught:
        loaded(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_a_missing_tokenizer_is_named_and_leaves_no_tokens(tmp_path, cache_dir):
    (tmp_path / "empty").mkdir()
    source = {"length": 12, "source": str(tmp_path / "empty")}
    with pytest.raises(DataError, match=r"tokenizer .*empty: not found .* tokenizer\.json"):
        load(CARD, {}, ("train",), "cpu", write(tmp_path), tokens=source)
    assert [
        path.name for path in cache_dir.iterdir() if "tokens" in path.name and path.is_dir()
    ] == []


def test_the_tokenizer_of_a_folder_is_used(tmp_path):
    from transformers import BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sun", "moon", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "model")
    source = {"length": 12, "source": str(tmp_path / "model")}
    dataset = load(CARD, {}, ("test",), "cpu", write(tmp_path), tokens=source)
    assert dataset.test.take(torch.arange(2)).inputs["input_ids"][:, :5].tolist() == [
        [2, 5, 6, 3, 0],
        [2, 8, 7, 3, 0],
    ]


def test_an_image_model_is_no_reader_of_texts(tmp_path):
    with pytest.raises(InputError, match="texts need a model that says its `tokens`"):
        load(CARD, {}, ("train",), "cpu", write(tmp_path))


def test_without_the_packages_the_extra_is_named(monkeypatch, tmp_path):
    def missing(name):
        raise tokens.PackageNotFoundError(name)

    monkeypatch.setattr(tokens, "version", missing)
    with pytest.raises(InputError, match=r"pip install 'mubench\[text\]'"):
        loaded(write(tmp_path))


def test_another_tokenizer_in_the_same_folder_is_another(tmp_path):
    from transformers import BertTokenizerFast

    def first_tokens(words):
        (tmp_path / "vocab.txt").write_text("\n".join(words))
        BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "model")
        source = {"length": 12, "source": str(tmp_path / "model")}
        dataset = load(CARD, {}, ("test",), "cpu", tmp_path, tokens=source)
        return dataset.test.take(torch.arange(2)).inputs["input_ids"][:, :4].tolist()

    write(tmp_path)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert first_tokens([*special, "the", "sun"]) == [[2, 5, 6, 3], [2, 1, 1, 3]]
    assert first_tokens([*special, "moon", "sun", "the"]) == [[2, 7, 6, 3], [2, 1, 5, 3]]
