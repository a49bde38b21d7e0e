"""How many workers a sweep can use: its steps laid out in time on as many as it likes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mubench.sweep.kinds import StepKind
from mubench.sweep.steps import Step

TRIALS: Mapping[StepKind, int] = {"train": 10, "retrain": 10, "search": 1, "final": 1}
"""How long a step takes, in trials, roughly: for the order of steps and for counting workers."""


@dataclass(frozen=True)
class Parallelism:
    """Workers that are busy at once, at most and on average, and the longest chain of steps.

    The average is all work over the longest chain: more workers than that wait now and then.
    """

    most: int
    mean: float
    chain: Mapping[StepKind, int]
    """How many steps of each kind follow each other in the longest chain."""


def parallelism(steps: Mapping[str, Step]) -> Parallelism:
    """Start every step as soon as those that it needs have ended, and count.

    Each of `steps` comes after those of them that it needs.
    """
    ends: dict[str, int] = {}
    before: dict[str, str | None] = {}
    for key, step in steps.items():
        needs = [need for need in step.needs if need in ends]
        last = max(needs, key=ends.__getitem__, default=None)
        before[key] = last
        ends[key] = (ends[last] if last is not None else 0) + TRIALS[step.kind]
    changes: Counter[int] = Counter()
    for key, step in steps.items():
        changes[ends[key] - TRIALS[step.kind]] += 1
        changes[ends[key]] -= 1
    busy, most = 0, 0
    for moment in sorted(changes):
        busy += changes[moment]
        most = max(most, busy)
    chain: Counter[StepKind] = Counter()
    last = max(ends, key=ends.__getitem__, default=None)
    length = ends[last] if last is not None else 1
    while last is not None:
        chain[steps[last].kind] += 1
        last = before[last]
    work = sum(TRIALS[step.kind] for step in steps.values())
    return Parallelism(most, work / length, chain)
