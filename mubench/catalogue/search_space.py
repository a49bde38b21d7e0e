"""A method's hyperparameters with their ranges: defaults, samples, and narrowing by a sweep."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mubench.catalogue.ranges import Fixed, Range, Raw, Sampler, Scalar


@dataclass(frozen=True)
class Param:
    """A hyperparameter: its default, its range, and when it has an effect."""

    name: str
    default: Scalar
    range: Range
    when: Mapping[str, Scalar] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    """The strings that it may be, where it is a string."""

    def within(self, other: Range) -> "Param":
        """The same hyperparameter with another range, and a default in it."""
        is_inside = other.locate(self.default, self.name) is not None
        default = self.default if is_inside else other.sample(_Middle(), self.name)
        return replace(self, default=default, range=other)


@dataclass(frozen=True)
class Space:
    """A method's hyperparameters in a fixed order; a `when` refers to earlier ones."""

    params: tuple[Param, ...]

    @property
    def defaults(self) -> dict[str, Scalar]:
        """Every hyperparameter's default, or its fixed value."""
        return {
            p.name: p.range.value if isinstance(p.range, Fixed) else p.default for p in self.params
        }

    @property
    def free_dimensions(self) -> int:
        """How many numbers a search chooses; recorded, since wide spaces are harder."""
        ranges = {p.name: p.range for p in self.params}
        return sum(
            p.range.free_dimensions
            for p in self.params
            if all(ranges[key].locate(wanted, key) is not None for key, wanted in p.when.items())
        )

    def sample(self, sampler: Sampler) -> dict[str, Scalar]:
        """Draw values for all hyperparameters; one whose `when` does not hold keeps its default."""
        values = self.defaults
        for p in self.params:
            if all(values[key] == wanted for key, wanted in p.when.items()):
                values[p.name] = p.range.sample(sampler, p.name)
        return values

    def locate(self, values: Mapping[str, Scalar]) -> Raw | None:
        """The draws that give `values`, or None where one lies outside of its range."""
        raw: Raw = {}
        for p in self.params:
            if any(values[key] != wanted for key, wanted in p.when.items()):
                continue
            draws = p.range.locate(values[p.name], p.name)
            if draws is None:
                return None
            raw |= draws
        return raw

    def narrowed(self, ranges: Mapping[str, Range]) -> "Space":
        """This space with some ranges replaced.

        A default outside of its new range becomes the middle of it: where a sweep says that a
        smoothing rate is negative, no candidate has another.
        """
        return Space(tuple(p.within(ranges.get(p.name, p.range)) for p in self.params))


class _Middle:
    """A sampler that draws the middle of an interval, and the first of several options."""

    def uniform(self, name: str, low: float, high: float) -> float:
        return (low + high) / 2

    def log(self, name: str, low: float, high: float) -> float:
        return min(max(math.sqrt(low * high), low), high)

    def integer(self, name: str, low: int, high: int) -> int:
        return (low + high) // 2

    def choice(self, name: str, options: tuple[Scalar, ...]) -> Scalar:
        return options[0]
