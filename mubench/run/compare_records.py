"""Compare a record with that of the same step run again: numbers and environment."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mubench.metrics.post_hoc import POST_HOC, all_metrics
from mubench.store.record import Record

RELATIVE = 1e-3
"""How far apart two numbers may lie that were made in different environments."""

Mark = Literal["equal", "close", "different", "measured", "new", "later"]
"""`close`: within the tolerance; `measured`: time, memory or energy, which no two runs share;
`new`: a metric that came after the record; `later`: one that `mubench score` adds to records."""

_MEASURED = ("seconds", "mib", "joules")
_OWN_CODE = ("commit", "mubench")
"""What may differ without loosening the comparison: whether its own code still gives the same
numbers is what a reproduction asks."""


@dataclass(frozen=True)
class Value:
    """One metric, stored and again; None where a record lacks it."""

    name: str
    then: float | None
    now: float | None
    mark: Mark

    @property
    def difference(self) -> float | None:
        """Now less then, if both exist."""
        return None if self.then is None or self.now is None else self.now - self.then


@dataclass(frozen=True)
class Change:
    """A fact about the environment that has changed; empty where it is unknown."""

    name: str
    then: str
    now: str


@dataclass(frozen=True)
class Comparison:
    """Two records of one step: their metrics and the changes of the environment."""

    then: Record
    now: Record
    values: tuple[Value, ...]
    changes: tuple[Change, ...]

    def names(self, mark: Mark) -> tuple[str, ...]:
        """The metrics with a mark."""
        return tuple(value.name for value in self.values if value.mark == mark)

    @property
    def ended_alike(self) -> bool:
        """Whether both have one status; two errors must say the same."""
        is_error = self.then.status == "error"
        alike = self.then.message == self.now.message or not is_error
        return self.then.status == self.now.status and alike

    @property
    def is_elsewhere(self) -> bool:
        """Whether device, threads, precision or packages are others: then rounding differs."""
        return _is_elsewhere(self.changes)

    @property
    def is_equal(self) -> bool:
        """Whether the step gave the same result again."""
        return self.ended_alike and not self.names("different")


def compare_records(then: Record, now: Record) -> Comparison:
    """Compare the record of a step with that of the same step run again.

    On the same device, with the same threads, precision and versions of packages, a metric must be
    the same float. Elsewhere sums are taken in another order, and logits differ by rounding:

    - a fraction may differ by one example of D_f, 1 / |D_f|: rounding turns a prediction whose two
      best logits are nearly equal, and D_f is as a rule the smallest set;
    - any other number may differ by `RELATIVE`: float32 rounds by 6e-8, which some hundred steps
      multiply (1e-7 after 7 steps of training on digits, with other vector instructions).

    A long training multiplies it until other examples are answered wrongly: after 15 epochs on
    digits UA was up to 5 of 129 examples away and KL 16 %. No tolerance that would still find a
    mistake covers that: the numbers are different, and the environment may be why. Times, memory
    and energy are not compared.
    """
    changes = tuple(_changes(then, now))
    elsewhere = _is_elsewhere(changes)
    infos = all_metrics()
    values = []
    for name in sorted({*then.metrics, *now.metrics}):
        info, old, new = infos.get(name), then.metrics.get(name), now.metrics.get(name)
        is_fraction = info is not None and info.unit == "fraction" and then.n_forget > 0
        one_example = (1 + 1e-9) / then.n_forget if is_fraction else 0.0
        if info is not None and info.unit in _MEASURED:
            mark: Mark = "measured"
        elif new is None and name in POST_HOC:
            mark = "later"
        else:
            mark = _mark(old, new, one_example if elsewhere else None)
        values.append(Value(name, old, new, mark))
    return Comparison(then, now, tuple(values), changes)


def _mark(old: float | None, new: float | None, slack: float | None) -> Mark:
    """Judge a number that is no measurement; `slack` is None where it must be the same."""
    if old is None:
        return "new"
    if new is None:
        return "different"
    if old == new or (math.isnan(old) and math.isnan(new)):
        return "equal"
    is_close = slack is not None and math.isclose(old, new, rel_tol=RELATIVE, abs_tol=slack)
    return "close" if is_close else "different"


def _is_elsewhere(changes: Iterable[Change]) -> bool:
    return any(change.name not in _OWN_CODE for change in changes)


def _changes(then: Record, now: Record) -> Iterator[Change]:
    packages = sorted({*then.versions, *now.versions})
    settings = sorted(then.numerics.keys() & now.numerics.keys())  # older records have none
    facts = [
        ("device", then.device, now.device),
        ("threads", str(then.threads), str(now.threads)),
        ("precision", then.precision, now.precision),
        *((name, then.numerics[name], now.numerics[name]) for name in settings),
        ("commit", then.commit, now.commit),
        *((name, then.versions.get(name, ""), now.versions.get(name, "")) for name in packages),
    ]
    for name, old, new in facts:
        if old != new:
            yield Change(name, old, new)
