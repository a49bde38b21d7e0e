"""Forget sets by difficulty, from a sweep whose models answer as the test says."""

import json

import numpy as np
import pytest

from mubench.data.forget_file import read_forget_file
from mubench.run.open_sweep import open_sweep
from tests.support.command_line import only_line
from tests.support.sweep_world import TINY, finish, write

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")

SEEDS = {
    "search": {"train": [100], "forget": [100]},
    "final": {"train": [0, 1], "forget": [0, 1], "pair": "product"},
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished sweep: its store, and confidences by hand from the files of its outputs."""
    folder = tmp_path_factory.mktemp("difficulty")
    opened = open_sweep(write(folder / "tiny.yaml", seeds=SEEDS), str(folder / "store"))
    records = finish(opened).values()
    load = opened.store.artefacts.load

    def confidences(record, part):
        found = load(record.unlearn_id, part)
        odds = np.exp(found["logits"].astype(float))
        right = odds[np.arange(len(odds)), found["labels"]] / odds.sum(axis=1)
        return dict(zip(found["ids"].tolist(), right, strict=True))

    originals = [confidences(r, "train") for r in records if r.kind == "train"]
    left_out = [confidences(r, "forget") for r in records if r.kind == "retrain"]
    seen = {i: np.mean([one[i] for one in originals]) for i in originals[0]}
    unseen = {i: [one[i] for one in left_out if i in one] for i in seen}
    gap = {i: seen[i] - np.mean(without) for i, without in unseen.items() if without}
    return str(folder / "store"), seen, gap


def select(mubench_, swept, out, *options):
    return mubench_("data", "select", "tiny", "--store", swept[0], "--out", out, *options)


def ids_of(path):
    return read_forget_file(str(path)).ids


@pytest.mark.parametrize("by", ["confidence", "memorisation"])
@pytest.mark.parametrize("which", ["lowest", "highest"])
def test_the_sets_hold_the_examples_at_the_end_and_share_none(tmp_path, mubench_, swept, by, which):
    code, out, _ = select(
        mubench_, swept, tmp_path, "--by", by, "--which", which, "--ratio", "0.05", "--sets", "2"
    )
    values = swept[1 if by == "confidence" else 2]
    assert code == 0
    assert out.replace("\n", " ").startswith(
        f"digits[flip_labels=0.2,train_size=200]/small_cnn: {len(values)} of 200 examples have a "
        "value; 3 sets of 10 in "
    )
    stem = f"digits_flip_labels=0.2_train_size=200_-small_cnn-{which}-{by}-0.05"
    sets = [ids_of(tmp_path / f"{stem}-{end}.json") for end in ("search", "final-1", "final-2")]
    ordered = sorted(values, key=values.get, reverse=which == "highest")[:30]
    assert sorted(ordered) == sorted(i for ids in sets for i in ids)
    if which == "lowest":
        assert [sorted(ordered[number::3]) for number in range(3)] == list(map(list, sets))


def test_a_file_says_where_it_is_from_and_another_sweep_forgets_it(tmp_path, mubench_, swept):
    asked = ("--by", "memorisation", "--which", "mixed", "--ratio", "0.06")
    assert select(mubench_, swept, tmp_path, *asked)[0] == 0
    search, final = sorted(tmp_path.glob("*.json"), reverse=True)
    about = json.loads(search.read_text())
    assert about.pop("ids")
    assert about.pop("data").startswith("205a6f21ad3a")
    assert about == {
        "dataset": "digits",
        "options": {"flip_labels": 0.2, "train_size": 200},
        "model": "small_cnn",
        "by": "memorisation",
        "which": "mixed",
        "purpose": "search",
    }
    forget = {"scenario": "index", "search_files": [str(search)], "final_files": [str(final)]}
    sweep = write(tmp_path / "hard.yaml", name="hard", grid={**TINY["grid"], "forget": [forget]})
    again = open_sweep(sweep, swept[0])
    assert {record.status for record in finish(again).values()} == {"ok"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ratio", "1"), "--ratio 1: a share between 0 and 1 is needed"),
        (("--ratio", "0.3"), "examples have a value; 2 sets of 60 need 120: lower --ratio or"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(tmp_path, mubench_, swept, options, words):
    by = ("--by", "memorisation", "--which", "highest")
    code, _, error = select(mubench_, swept, tmp_path, *by, *options)
    assert code == 2
    assert words in only_line(error)
    assert not list(tmp_path.glob("*.json"))


def test_a_whole_class_tells_nothing_of_its_examples(tmp_path, mubench_):
    grid = {
        "dataset": TINY["grid"]["dataset"],
        "model": ["small_cnn"],
        "forget": [{"scenario": "class", "search_classes": [9], "final_classes": [0]}],
    }
    opened = open_sweep(write(tmp_path / "tiny.yaml", grid=grid), str(tmp_path / "store"))
    finish(opened)
    asked = ("--by", "memorisation", "--which", "lowest", "--ratio", "0.1")
    code, _, error = select(mubench_, (str(tmp_path / "store"),), tmp_path / "out", *asked)
    assert code == 2
    assert "0 of 200 examples have a value" in only_line(error)
