"""Workers that a sweep can use, counted on plans that are laid out by hand."""

from dataclasses import replace

import pytest

from mubench.sweep.parallelism import parallelism
from tests.support.plans import BASE

TRAIN, SEARCH, FINAL = (
    next(step for step in BASE.steps.values() if step.kind == kind)
    for kind in ("train", "search", "final")
)


def plan(**steps):
    """Steps by name: a kind and the names that it needs."""
    return {name: replace(step, id=name, needs=needs) for name, (step, needs) in steps.items()}


def test_a_chain_uses_one_worker():
    used = parallelism(plan(a=(TRAIN, ()), b=(SEARCH, ("a",)), c=(FINAL, ("b",))))
    assert (used.most, used.mean, used.chain) == (1, 1, {"train": 1, "search": 1, "final": 1})


def test_a_training_lasts_ten_trials():
    """One training and, beside it, two searches of four and eight candidates."""
    four = {f"s{n}": (SEARCH, (f"s{n - 1}",) if n else ()) for n in range(4)}
    eight = {f"t{n}": (SEARCH, (f"t{n - 1}",) if n else ()) for n in range(8)}
    used = parallelism(plan(train=(TRAIN, ()), **four, **eight))
    assert used.most == 3
    assert used.mean == pytest.approx(22 / 10)
    assert used.chain == {"train": 1}


def test_steps_that_need_what_is_already_done_can_start():
    used = parallelism(plan(a=(SEARCH, ("finished",)), b=(SEARCH, ("finished",))))
    assert (used.most, used.mean, used.chain) == (2, 2, {"search": 1})


def test_a_finished_sweep_uses_none():
    used = parallelism({})
    assert (used.most, used.mean, used.chain) == (0, 0, {})
