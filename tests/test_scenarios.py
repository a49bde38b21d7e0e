"""Forget sets: pools, nesting, classes, and the same answer in every process."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mubench.data.scenarios import divide, forget_hash, forget_rows
from mubench.data.split import Source, Split
from mubench.errors import InputError
from mubench.scenario import check_scenario, forget_count, search_overlap

SEEDS = st.integers(0, 2**31)
RATIOS = st.floats(0.001, 0.999)
PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)


def forgotten(n: int, ratio: float, purpose: str, seed: int) -> set[int]:
    """Ids of D_f of n examples with ids 10, 11, ..."""
    ids = torch.arange(n) + 10
    scenario = {"scenario": "random", "ratio": ratio}
    rows = forget_rows(torch.arange(n) % 2, ids, scenario, purpose, seed)
    assert torch.equal(rows, rows.unique()), "positions are ascending and distinct"
    return set(ids[rows].tolist())


def train_split(labels: list[int]) -> Split:
    n = len(labels)
    inputs = torch.arange(n, dtype=torch.float32)[:, None]
    source = Source(inputs, torch.tensor(labels), torch.arange(n) + 100, lambda x, _: x)
    return Split.whole(source)


@PROPERTY
@given(n=st.integers(5, 300), ratio=RATIOS, seed=SEEDS)
def test_a_random_set_has_the_size_of_its_ratio(n, ratio, seed):
    for purpose in ("search", "final"):
        assert len(forgotten(n, ratio, purpose, seed)) == min(max(1, round(ratio * n)), n - 1)


@PROPERTY
@given(n=st.integers(5, 300), one=RATIOS, two=RATIOS, seed=SEEDS)
def test_sets_of_one_seed_are_nested_across_ratios(n, one, two, seed):
    small, large = sorted((one, two))
    for purpose in ("search", "final"):
        assert forgotten(n, small, purpose, seed) <= forgotten(n, large, purpose, seed)


@PROPERTY
@given(
    n=st.integers(5, 300),
    search=st.floats(0.001, 0.2),
    final=st.floats(0.001, 0.8),
    seed_search=SEEDS,
    seed_final=SEEDS,
)
def test_search_and_final_sets_are_disjoint_within_their_pools(
    n, search, final, seed_search, seed_final
):
    assert not search_overlap(search, final)
    searched = forgotten(n, search, "search", seed_search)
    assert not searched & forgotten(n, final, "final", seed_final)


@pytest.mark.parametrize("n", range(5, 60))
def test_the_pools_suffice_at_their_very_borders(n):
    assert not forgotten(n, 0.2, "search", 1) & forgotten(n, 0.8, "final", 2)


def test_beyond_the_pools_sets_overlap_and_it_is_said():
    assert search_overlap(0.3, 0.1)
    assert forgotten(1000, 0.3, "search", 1) & forgotten(1000, 0.1, "final", 2)
    assert search_overlap(0.1, 0.9)
    assert forgotten(1000, 0.1, "search", 1) & forgotten(1000, 0.9, "final", 2)


def test_the_pools_are_the_same_for_every_seed():
    searched = set.union(*(forgotten(1000, 0.1, "search", seed) for seed in range(60)))
    reported = set.union(*(forgotten(1000, 0.1, "final", seed) for seed in range(200)))
    assert len(searched) == 200, "all of the search pool, and nothing else"
    assert len(reported) == 800
    assert not searched & reported


def test_another_seed_forgets_others_and_each_example_is_as_likely():
    counts = torch.zeros(110)
    for seed in range(400):
        counts[list(forgotten(100, 0.2, "final", seed))] += 1
    pool = counts[counts > 0]
    # Each of the 80 of the final pool is drawn with probability 1/4.
    assert len(pool) == 80
    assert (pool - 100).abs().max() < 5 * (400 * 0.25 * 0.75) ** 0.5


@PROPERTY
@given(ratio=RATIOS, seed=SEEDS, shuffle=st.integers(0, 2**31))
def test_a_set_ignores_the_order_in_which_examples_are_stored(ratio, seed, shuffle):
    ids, labels = torch.arange(50) * 3, torch.arange(50) % 2
    order = torch.randperm(50, generator=torch.Generator().manual_seed(shuffle))
    scenario = {"scenario": "random", "ratio": ratio}
    here = ids[forget_rows(labels, ids, scenario, "final", seed)]
    there = ids[order][forget_rows(labels[order], ids[order], scenario, "final", seed)]
    assert forget_hash(here) == forget_hash(there)


@pytest.mark.parametrize("classes", [[0], [2, 1]])
def test_class_forgetting_takes_every_example_of_the_classes(classes):
    train = train_split([0, 1, 2, 1, 0, 2, 2])
    forget, retain = divide(train, {"scenario": "class", "classes": classes}, "final", 0)
    assert set(forget.labels.tolist()) == set(classes)
    assert not set(retain.labels.tolist()) & set(classes)


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.99])
def test_forget_and_retain_are_disjoint_and_make_up_train(ratio):
    train = train_split([0, 1] * 20)
    forget, retain = divide(train, {"scenario": "random", "ratio": ratio}, "search", 3)
    assert len(forget)
    assert len(retain)
    assert torch.cat([forget.ids, retain.ids]).sort().values.tolist() == train.ids.tolist()
    assert forget.take(torch.tensor([0])).inputs.item() == forget.ids[0].item() - 100


def test_a_forget_hash_names_the_set_and_not_its_order():
    assert forget_hash(torch.tensor([5, 3])) == forget_hash(torch.tensor([3, 5]))
    assert forget_hash(torch.tensor([3])) != forget_hash(torch.tensor([3, 5]))
    # sha256 of 3 and 5 as little-endian int64, from coreutils' sha256sum.
    assert forget_hash(torch.tensor([3, 5])).startswith("a9928084ac1eb583")


HASHES = """
import numpy as np, torch
from mubench.data.load import flip_labels
from mubench.data.partition import hash_ids, partition
from mubench.data.scenarios import forget_hash, forget_rows
ids = np.arange(500)
splits = partition(ids % 10, ids, has_test=False)
train = torch.from_numpy(splits["train"])
noisy = torch.from_numpy(flip_labels(train.numpy() % 10, train.numpy(), 0.2, 10, "here"))
rows = forget_rows(noisy, train, {"scenario": "random", "ratio": 0.1}, "final", 0)
print([hash_ids(split) for split in splits.values()], noisy.tolist(), forget_hash(train[rows]))
"""


def test_hashes_and_flipped_labels_are_the_same_in_another_process(capsys):
    said = subprocess.run(
        [sys.executable, "-c", HASHES],
        env={**os.environ, "PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    exec(HASHES, {})
    assert capsys.readouterr().out == said.stdout


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ({"scenario": "randm"}, "scenario randm: unknown; did you mean 'random'?"),
        (
            {"scenario": "random"},
            "scenario random: needs the keys ['ratio', 'scenario'], got ['scenario']",
        ),
        (
            {"scenario": "random", "ratio": 0.0},
            "scenario random: 0 < ratio < 1 must hold, but got ratio=0.0",
        ),
        (
            {"scenario": "random", "ratio": 1},
            "scenario random: 0 < ratio < 1 must hold, but got ratio=1",
        ),
        (
            {"scenario": "random", "ratio": float("nan")},
            "scenario random: 0 < ratio < 1 must hold, but got ratio=nan",
        ),
        (
            {"scenario": "random", "ratio": "0.1"},
            "scenario random: 0 < ratio < 1 must hold, but got ratio='0.1'",
        ),
        (
            {"scenario": "class", "classes": []},
            "scenario class: classes must be a list of class numbers, got []",
        ),
        ({"scenario": "class", "classes": [3]}, "scenario class: no class 3; there are 0 to 2"),
        ({"scenario": "class", "classes": [-1]}, "scenario class: no class -1; there are 0 to 2"),
        (
            {"scenario": "class", "classes": [1, 1]},
            "scenario class: a class is named twice in [1, 1]",
        ),
        (
            {"scenario": "class", "classes": [0, 1, 2]},
            "scenario class: all 3 classes are named; nothing is left to retain",
        ),
    ],
)
def test_an_impossible_scenario_is_refused_in_one_line(scenario, message):
    for refuse in (
        lambda: check_scenario(scenario, 3),
        lambda: divide(train_split([0, 1, 2]), scenario, "final", 0),
    ):
        with pytest.raises(InputError) as caught:
            refuse()
        assert str(caught.value) == message


def test_a_class_without_examples_is_refused():
    with pytest.raises(InputError, match=r"^scenario class: no training example of class 1$"):
        divide(train_split([0, 0, 2]), {"scenario": "class", "classes": [1]}, "final", 0)


def test_forgetting_all_that_there_is_is_refused():
    with pytest.raises(InputError, match=r"nothing is left to retain without classes \[2\]"):
        divide(train_split([2, 2]), {"scenario": "class", "classes": [2]}, "final", 0)
    with pytest.raises(InputError, match="1 training example cannot be forgotten and retained"):
        divide(train_split([0]), {"scenario": "random", "ratio": 0.5}, "final", 0)


def test_the_pools_need_no_torch():
    code = "import sys, mubench.scenario; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert forget_count(0.1, 1295) == 130
