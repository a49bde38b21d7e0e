"""Forget sets: nesting, classes, groups, and the same answer in every process."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mubench.data.forget_sets import (
    forget_hash,
    forget_parts,
    forget_rows,
    split_forget_retain,
)
from mubench.data.scenario import (
    Classes,
    Corrupted,
    Groups,
    GroupShare,
    Ids,
    Random,
    check_scenario,
    search_overlap,
)
from mubench.data.split import AsIs, Source, Split
from mubench.errors import InputError
from tests.support.forget_sets import PROPERTY, SEEDS, forgotten, split_of

RATIOS = st.floats(0.001, 0.999)


def train_split(labels: list[int], groups: list[int] | None = None) -> Split:
    return split_of(torch.tensor(labels), torch.arange(len(labels)) + 100, groups)


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


@pytest.mark.parametrize("n", range(5, 60))
def test_the_pools_suffice_at_their_very_borders(n):
    assert not forgotten(n, 0.2, "search", 1) & forgotten(n, 0.8, "final", 2)


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
    here = ids[forget_rows(split_of(labels, ids), Random(ratio), "final", seed)]
    shuffled = split_of(labels[order], ids[order])
    there = ids[order][forget_rows(shuffled, Random(ratio), "final", seed)]
    assert forget_hash(here) == forget_hash(there)


@pytest.mark.parametrize("classes", [[0], [2, 1]])
def test_class_forgetting_takes_every_example_of_the_classes(classes):
    train = train_split([0, 1, 2, 1, 0, 2, 2])
    forget, retain = split_forget_retain(train, Classes(tuple(classes)), "final", 0)
    assert set(forget.labels.tolist()) == set(classes)
    assert not set(retain.labels.tolist()) & set(classes)


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.99])
def test_forget_and_retain_are_disjoint_and_make_up_train(ratio):
    train = train_split([0, 1] * 20)
    forget, retain = split_forget_retain(train, Random(ratio), "search", 3)
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
from mubench.data.dataset import flip_labels
from mubench.data.sources.partition import hash_ids, partition
from mubench.data.forget_sets import forget_hash, forget_rows
from mubench.data.split import AsIs, Source, Split
from mubench.data.scenario import Random
ids = np.arange(500)
splits = partition(ids % 10, ids, has_test=False)
train = torch.from_numpy(splits["train"])
noisy = torch.from_numpy(flip_labels(train.numpy() % 10, train.numpy(), 0.2, 10, "here"))
split = Split.whole(Source(torch.zeros(len(train)), noisy, train, AsIs()))
rows = forget_rows(split, Random(0.1), "final", 0)
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
        (Classes((3,)), "scenario class: no class 3; there are 0 to 2"),
        (Classes((-1,)), "scenario class: no class -1; there are 0 to 2"),
        (
            Classes((0, 1, 2)),
            "scenario class: all 3 are named by [0, 1, 2]; nothing is left to retain",
        ),
        (Groups((4,)), "scenario group: no group 4; there are 0 to 3"),
        (
            Groups((0, 1, 2, 3)),
            "scenario group: all 4 are named by [0, 1, 2, 3]; nothing is left to retain",
        ),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(scenario, message):
    for refuse in (
        lambda: check_scenario(scenario, 3, 4),
        lambda: split_forget_retain(train_split([0, 1, 2, 2], [0, 1, 2, 3]), scenario, "final", 0),
    ):
        with pytest.raises(InputError) as caught:
            refuse()
        assert str(caught.value) == message


def test_groups_are_refused_where_there_are_none():
    for scenario in (Groups((0,)), GroupShare(0.5)):
        with pytest.raises(InputError, match=r"^scenario group: .* 0 groups|has no groups"):
            split_forget_retain(train_split([0, 1]), scenario, "final", 0)


def test_a_class_without_examples_is_refused():
    with pytest.raises(InputError, match=r"^scenario class: no training example of class 1$"):
        split_forget_retain(train_split([0, 0, 2]), Classes((1,)), "final", 0)


def test_forgetting_all_that_there_is_is_refused():
    with pytest.raises(InputError, match="all of D_tr is named; nothing is left to retain"):
        split_forget_retain(train_split([2, 2]), Classes((2,)), "final", 0)
    with pytest.raises(InputError, match="1 training example cannot be forgotten and retained"):
        split_forget_retain(train_split([0]), Random(0.5), "final", 0)


LABELS = [i % 2 for i in range(60)]
GROUPS = [i % 6 for i in range(60)]
"""Six groups of ten: even ones of class 0, odd ones of class 1."""


@pytest.mark.parametrize("groups", [(3,), (5, 0)])
def test_group_forgetting_takes_every_example_of_the_groups_and_no_sibling(groups):
    forget, retain = split_forget_retain(train_split(LABELS, GROUPS), Groups(groups), "final", 0)
    assert set(forget.groups.tolist()) == set(groups)
    assert len(forget) == 10 * len(groups)
    assert not set(retain.groups.tolist()) & set(groups)
    assert set(forget.labels.tolist()) <= set(retain.labels.tolist())


@PROPERTY
@given(n=st.integers(5, 60), one=RATIOS, two=RATIOS, seed=SEEDS, other=SEEDS)
def test_a_share_of_groups_is_nested_whole_and_never_searched_and_reported(
    n, one, two, seed, other
):
    labels = torch.arange(3 * n) % 2
    groups = [i // 3 for i in range(3 * n)]
    split = split_of(labels, torch.arange(3 * n) * 5, groups)

    def drawn(ratio, purpose, seed):
        forget, _ = split_forget_retain(split, GroupShare(ratio), purpose, seed)
        found = forget.groups.unique().tolist()
        assert len(forget) == 3 * len(found), "all of each group"
        assert len(found) == min(max(1, round(ratio * n)), n - 1)
        return set(found)

    small, large = sorted((one, two))
    assert drawn(small, "final", seed) <= drawn(large, "final", seed)
    if not search_overlap(small, large):
        assert not drawn(small, "search", seed) & drawn(large, "final", other)


@PROPERTY
@given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    one=RATIOS,
    two=RATIOS,
    seed=SEEDS,
    other=SEEDS,
)
def test_stratified_sets_have_every_class_in_its_share_nested_and_apart(
    counts, one, two, seed, other
):
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    n = len(labels)
    if n < 5:
        return
    split = split_of(labels, torch.arange(n) * 3)

    def drawn(ratio, purpose, seed):
        rows = forget_rows(split, Random(ratio, stratified=True), purpose, seed)
        assert len(rows) == min(max(1, round(ratio * n)), n - 1)
        share = len(rows) / n
        for label, count in enumerate(counts):
            # One example may be too many or too few for each of the two pools.
            assert abs(int((labels[rows] == label).sum()) - share * count) <= 2
        return set(rows.tolist())

    small, large = sorted((one, two))
    assert drawn(small, "final", seed) <= drawn(large, "final", seed)
    if not search_overlap(small, large):
        assert not drawn(small, "search", seed) & drawn(large, "final", other)


def test_stratified_sets_are_exact_where_classes_divide_evenly():
    split = split_of(torch.arange(1000) % 10, torch.arange(1000))
    for ratio in (0.1, 0.5):
        rows = forget_rows(split, Random(ratio, stratified=True), "final", 0)
        assert torch.bincount(rows % 10).tolist() == [round(100 * ratio)] * 10
    plain = forget_rows(split, Random(0.5), "final", 0)
    assert torch.bincount(plain % 10).tolist() != [50] * 10


def test_ids_of_a_file_are_taken_as_they_are():
    train = train_split(LABELS)
    forget, retain = split_forget_retain(train, Ids((103, 100, 159), "f00d"), "final", 0)
    assert forget.ids.tolist() == [100, 103, 159]
    assert len(retain) == 57
    for wrong in (99, 160, 10**6):
        with pytest.raises(InputError, match=rf"^scenario index: example {wrong} is not in D_tr"):
            split_forget_retain(train, Ids((103, wrong), "f00d"), "final", 0)


@pytest.mark.parametrize(("count", "sizes"), [(1, [7]), (3, [3, 2, 2]), (7, [1] * 7)])
def test_parts_are_forgotten_one_after_the_other(count, sizes):
    train = train_split([0, 1, 2] * 7)
    forget, retain = split_forget_retain(train, Random(1 / 3), "final", 0)
    pairs = forget_parts(train, forget, count, "a request")
    parts = [set(part.ids.tolist()) for part, _ in pairs]
    assert [len(part) for part in parts] == sizes
    assert set.union(*parts) == set(forget.ids.tolist())
    gone: set[int] = set()
    for part, (_, left) in zip(parts, pairs, strict=True):
        assert not gone & part
        gone |= part
        assert set(left.ids.tolist()) == set(train.ids.tolist()) - gone
    assert pairs[-1][1].ids.tolist() == retain.ids.tolist()


def test_the_name_of_a_request_draws_its_parts():
    train = train_split([0, 1] * 20)
    forget, _ = split_forget_retain(train, Classes((1,)), "final", 0)
    firsts = [forget_parts(train, forget, 4, name)[0][0].ids.tolist() for name in ("a", "a", "b")]
    assert firsts[0] == firsts[1] != firsts[2]


def test_more_parts_than_examples_are_refused():
    train = train_split([0, 1, 1, 1])
    forget, _ = split_forget_retain(train, Classes((0,)), "final", 0)
    with pytest.raises(InputError, match=r"^parts: 1 example\(s\) to forget cannot be 2 parts$"):
        forget_parts(train, forget, 2)


def corrupted_split(n: int, every: int) -> Split:
    """Examples 100 to 99 + n, of which every so many has a wrong label."""
    true = torch.arange(n) % 3
    labels = torch.where(torch.arange(n) % every == 0, (true + 1) % 3, true)
    source = Source(torch.zeros(n, 1), labels, torch.arange(n) + 100, AsIs(), true_labels=true)
    return Split.whole(source)


@pytest.mark.parametrize(("discovered", "count"), [(0.01, 1), (0.5, 25), (1.0, 50)])
def test_the_discovered_share_of_wrong_labels_is_forgotten(discovered, count):
    train = corrupted_split(200, every=4)
    wrong = set(range(100, 300, 4))
    sets = {}
    for purpose in ("search", "final"):
        forget, retain = split_forget_retain(train, Corrupted(discovered), purpose, 3)
        sets[purpose] = set(forget.ids.tolist())
        assert len(forget) == count
        assert sets[purpose] <= wrong
        assert set(retain.ids.tolist()) == set(train.ids.tolist()) - sets[purpose]
    if discovered <= 0.2:
        assert not sets["search"] & sets["final"]


def test_without_a_wrong_label_nothing_can_be_discovered():
    for train in (train_split([0, 1, 2]), corrupted_split(3, every=4).subset(torch.tensor([1, 2]))):
        with pytest.raises(
            InputError, match=r"^scenario corrupted: no label of D_tr was made wrong"
        ):
            forget_rows(train, Corrupted(0.5), "final", 0)


@pytest.mark.parametrize("discovered", [0, 1.5, True, "all"])
def test_a_share_that_cannot_be_discovered_is_refused(discovered):
    with pytest.raises(InputError, match=r"^scenario corrupted: 0 < discovered <= 1 must hold"):
        Corrupted(discovered)
