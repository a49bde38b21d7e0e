"""Points of a search space."""

import math
from collections.abc import Iterator

import numpy as np

from mubench.catalogue.ranges import Scalar
from mubench.catalogue.search_space import Space


class Draw:
    """A sampler that draws from a generator of its own."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def uniform(self, name: str, low: float, high: float) -> float:
        """Uniform on [low, high]."""
        return float(self._generator.uniform(low, high))

    def log(self, name: str, low: float, high: float) -> float:
        """Log-uniform on [low, high]."""
        drawn = math.exp(self.uniform(name, math.log(low), math.log(high)))
        return min(max(drawn, low), high)

    def integer(self, name: str, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self._generator.integers(low, high + 1))

    def choice(self, name: str, options: tuple[Scalar, ...]) -> Scalar:
        """One of the options."""
        return options[self.integer(name, 0, len(options) - 1)]


def samples(space: Space, count: int, seed: int = 0) -> Iterator[dict[str, Scalar]]:
    """Points that a search may draw."""
    draw = Draw(seed)
    for _ in range(count):
        yield space.sample(draw)


def ends(space: Space) -> Iterator[dict[str, Scalar]]:
    """The defaults with one hyperparameter at an end of its range, or at one of its choices."""
    for param in space.params:
        for value in param.range.examples:
            yield {**space.defaults, **param.when, param.name: value}
