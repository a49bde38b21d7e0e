"""20 Newsgroups: messages, both of their forms, and broken ones."""

import codecs
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import fetch_20newsgroups, load_files

from mubench.data.cache.decoded import stored_dataset
from mubench.data.sources import newsgroups
from tests.support.written_data import NEWS, official, refused, write_news

pytestmark = pytest.mark.usefixtures("cache_dir")


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
def test_messages_come_whole_by_newsgroup_and_number(toy_data, fetched):
    texts = write_news(toy_data)
    if fetched:
        pack(toy_data)
    inputs, labels, test = official(stored_dataset(NEWS, toy_data.parent))
    assert inputs == texts["train"]
    assert labels == [0] * 12 + [1] * 12
    assert list(test.inputs) == texts["test"]
    assert test.labels.tolist() == [0, 0, 1, 1]


def test_both_forms_of_the_messages_have_one_fingerprint(toy_data):
    write_news(toy_data)
    before = stored_dataset(NEWS, toy_data.parent).fingerprint
    pack(toy_data)
    assert stored_dataset(NEWS, toy_data.parent).fingerprint == before


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("no test", "20news-bydate-test: the newsgroup alt.atheism is missing; fetch it again"),
        ("a group less", "20news-bydate-train: the newsgroup sci.space is missing; fetch it again"),
        ("a group more", "20news-bydate-train: the newsgroup x.y is not on the card; remove it"),
        ("torn", "20news-bydate_py3.pkz: not the file that scikit-learn keeps ("),
        ("another file", "20news-bydate_py3.pkz: not the file that scikit-learn keeps ("),
        ("other groups", "20news-bydate_py3.pkz: the newsgroup x.y is not on the card; remove it"),
        ("nothing", "none of its files in it; put there 20news-bydate-train/ and 20news-bydate-"),
    ],
)
def test_bad_messages_are_named(toy_data, cache_dir, capsys, harm, expected):
    write_news(toy_data)
    packed = toy_data / "20news-bydate_py3.pkz"
    if harm == "no test":
        shutil.rmtree(toy_data / "20news-bydate-test")
    elif harm == "a group less":
        shutil.rmtree(toy_data / "20news-bydate-train" / "sci.space")
    elif harm == "a group more":
        (toy_data / "20news-bydate-train" / "x.y").mkdir()
    elif harm == "torn":
        pack(toy_data)
        os.truncate(packed, 100)
    elif harm == "another file":
        pack(toy_data)
        packed.write_bytes(codecs.encode(pickle.dumps({"train": []}), "zlib_codec"))
    elif harm == "other groups":
        (toy_data / "20news-bydate-train" / "x.y").mkdir()
        pack(toy_data)
    else:
        shutil.rmtree(toy_data / "20news-bydate-train")
    assert expected in refused(NEWS, toy_data, cache_dir)
    assert capsys.readouterr().out == ""


def test_messages_are_fetched_by_scikit_learn(toy_data, monkeypatch):
    asked = []
    monkeypatch.setattr("sklearn.datasets.fetch_20newsgroups", lambda **how: asked.append(how))
    newsgroups.fetch(NEWS, toy_data)
    assert asked == [{"data_home": toy_data, "shuffle": False}]
    assert callable(fetch_20newsgroups)


class Print:
    """What a stranger may put into a pickle: it would run code of the standard library."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (Print(print, "read"), "builtins.print"),
        (Print(os.system, "echo read"), "posix.system"),
        (Print(np.load, "x.npy"), "numpy.load"),
    ],
)
def test_a_strangers_file_runs_no_code(toy_data, cache_dir, capfd, bad, what):
    packed = codecs.encode(pickle.dumps({"train": bad}), "zlib_codec")
    (toy_data / "20news-bydate_py3.pkz").write_bytes(packed)
    assert f"it asks for {what}, which is not data" in refused(NEWS, toy_data, cache_dir)
    assert capfd.readouterr().out == ""
