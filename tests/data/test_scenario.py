"""Scenarios: pools of search and report, and impossible numbers."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.data.scenario import Classes, Groups, GroupShare, Random, forget_count, search_overlap
from mubench.errors import InputError
from tests.support.forget_sets import PROPERTY, SEEDS, forgotten


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


def test_beyond_the_pools_sets_overlap_and_it_is_said():
    assert search_overlap(0.3, 0.1)
    assert forgotten(1000, 0.3, "search", 1) & forgotten(1000, 0.1, "final", 2)
    assert search_overlap(0.1, 0.9)
    assert forgotten(1000, 0.1, "search", 1) & forgotten(1000, 0.9, "final", 2)


@pytest.mark.parametrize("ratio", [0.0, 1, float("nan"), "0.1", True, -0.5])
@pytest.mark.parametrize(("kind", "name"), [(Random, "random"), (GroupShare, "group")])
def test_an_impossible_ratio_is_refused_in_one_line(kind, name, ratio):
    with pytest.raises(InputError) as caught:
        kind(ratio)
    assert str(caught.value) == f"scenario {name}: 0 < ratio < 1 must hold, but got ratio={ratio!r}"


@pytest.mark.parametrize(("kind", "name"), [(Classes, "class"), (Groups, "group")])
@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((), "an empty list; name at least one {}"),
        ((1, 1), "[1, 1] names a {} twice"),
        ((True,), "a {} is a whole number; got True"),
        (("cat",), "a {} is a whole number; got 'cat'"),
    ],
)
def test_impossible_numbers_are_refused_in_one_line(kind, name, numbers, message):
    with pytest.raises(InputError) as caught:
        kind(numbers)
    assert str(caught.value) == f"scenario {name}: {message.format(name)}"


def test_the_pools_need_no_torch():
    code = "import sys, mubench.data.scenario; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert forget_count(0.1, 1295) == 130
