"""Ranges of hyperparameters: sampling a value, and finding the draws that give a value."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

from typing_extensions import override

from mubench.errors import InputError

Scalar = str | int | float | bool | None
Raw = dict[str, Any]
"""What a sampler drew, by the names of the draws."""


class Sampler(Protocol):
    """Draws values: Optuna's trial in a sweep, a generator in a test."""

    def uniform(self, name: str, low: float, high: float) -> float:
        """Draw uniformly from [low, high]."""
        ...

    def log(self, name: str, low: float, high: float) -> float:
        """Draw log-uniformly from [low, high]."""
        ...

    def integer(self, name: str, low: int, high: int) -> int:
        """Draw an integer from low to high, both included."""
        ...

    def choice(self, name: str, options: tuple[Scalar, ...]) -> Scalar:
        """Draw one of `options`."""
        ...


class Range(ABC):
    """A set of values that can be sampled, and in which a value can be located."""

    @property
    def free_dimensions(self) -> int:
        """How many numbers a search chooses here."""
        return 1

    @property
    @abstractmethod
    def examples(self) -> tuple[Scalar, ...]:
        """Examples of its values, which show their types."""

    @abstractmethod
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        """Draw a value."""

    @abstractmethod
    def locate(self, value: Scalar, name: str) -> Raw | None:
        """The draws that give `value`, or None where it lies outside."""


@dataclass(frozen=True)
class Fixed(Range):
    """One value."""

    value: Scalar

    @property
    @override
    def free_dimensions(self) -> int:
        return 0

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return (self.value,)

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        return self.value

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        return {} if value == self.value else None


@dataclass(frozen=True)
class Interval(Range):
    """A real interval, uniform or log-uniform."""

    low: float
    high: float
    is_log: bool = False

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return (self.low, self.high)

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        draw = sampler.log if self.is_log else sampler.uniform
        return draw(name, self.low, self.high)

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        if not is_number(value):
            return None
        slack = 1e-12 * max(abs(self.low), abs(self.high))  # 1 - (1 - x) is x up to rounding
        if not self.low - slack <= value <= self.high + slack:
            return None
        return {name: min(max(float(value), self.low), self.high)}


@dataclass(frozen=True)
class Integers(Range):
    """Whole numbers from low to high, both included."""

    low: int
    high: int

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return (self.low, self.high)

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        return sampler.integer(name, self.low, self.high)

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        is_inside = isinstance(value, int) and self.low <= value <= self.high
        return {name: value} if is_inside else None


@dataclass(frozen=True)
class Choice(Range):
    """One of several values."""

    options: tuple[Scalar, ...]

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return self.options

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        return sampler.choice(name, self.options)

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        return {name: value} if value in self.options else None


@dataclass(frozen=True)
class Negate(Range):
    """Minus the inner range: a smoothing rate is searched by its size."""

    inner: Range

    @property
    @override
    def free_dimensions(self) -> int:
        return self.inner.free_dimensions

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return tuple(-_number(value) for value in self.inner.examples)

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        return -_number(self.inner.sample(sampler, name))

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        return self.inner.locate(-value, name) if is_number(value) else None


@dataclass(frozen=True)
class Complement(Range):
    """One minus the inner range: a retain weight is searched by the forget weight's size."""

    inner: Range

    @property
    @override
    def free_dimensions(self) -> int:
        return self.inner.free_dimensions

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return tuple(1.0 - _number(value) for value in self.inner.examples)

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        return 1.0 - _number(self.inner.sample(sampler, name))

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        return self.inner.locate(1.0 - value, name) if is_number(value) else None


@dataclass(frozen=True)
class Either(Range):
    """One of several ranges; which one is a dimension of its own.

    Draws of a branch have a name of their own: one name has one distribution in a search.
    """

    branches: tuple[Range, ...]

    @property
    @override
    def free_dimensions(self) -> int:
        # the choice itself, and the widest branch
        return 1 + max(branch.free_dimensions for branch in self.branches)

    @property
    @override
    def examples(self) -> tuple[Scalar, ...]:
        return tuple(value for branch in self.branches for value in branch.examples)

    @override
    def sample(self, sampler: Sampler, name: str) -> Scalar:
        index = sampler.choice(f"{name}.either", tuple(range(len(self.branches))))
        return self.branches[int(_number(index))].sample(sampler, f"{name}[{index}]")

    @override
    def locate(self, value: Scalar, name: str) -> Raw | None:
        for index, branch in enumerate(self.branches):
            raw = branch.locate(value, f"{name}[{index}]")
            if raw is not None:
                return {f"{name}.either": index, **raw}
        return None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Scalar) -> float:
    if isinstance(value, int | float):
        return value
    raise InputError(f"a number is needed here; got {value!r}")
