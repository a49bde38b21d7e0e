"""Statistics of few paired differences: tests, intervals, corrections. Numbers only.

Pairs are requests: two methods forgot the same examples of the same original and are measured
against the same Retrain, so that the difficulty of a request cancels.
"""

import math
from collections.abc import Hashable, Sequence
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

LEVEL = 0.05
EXACT_UP_TO = 16
"""Beyond 2**16 sign patterns the test draws that many at random, always the same."""
RESAMPLES = 9_999
_POWER, _POWER_SAMPLES, _POWER_EXACT_UP_TO = 0.8, 400, 11
"""With more pairs the sign-flip test has about the power of a t-test, which is faster."""

Floats = npt.NDArray[np.float64]


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of the exact sign-flip (permutation) test of a mean of zero.

    Under the null hypothesis every difference could as well have had the other sign. No
    distribution is assumed, so that few pairs give honest, coarse values.

    >>> sign_flip_p([1.0, 2.0, 3.0])
    0.25
    """
    return float(_sign_flip_ps(np.array([differences], dtype=float))[0])


def _sign_flip_ps(samples: Floats) -> Floats:
    """The p-value of each of some samples (s, n)."""
    sums = np.abs(samples @ _signs(samples.shape[1]).T)
    seen = np.abs(samples.sum(axis=1)) - 1e-9 * np.abs(samples).sum(axis=1)
    return np.asarray((sums >= seen[:, None]).mean(axis=1))


def tuned_p(differences: Sequence[float], luck: float) -> float:
    """Return the two-sided p-value of a mean of zero where tuning is one more source of chance.

    The larger one of the sign-flip test, for which the hyperparameters are given, and of a t-test
    whose standard error also has `luck`, the standard deviation that the searches give to the mean.
    Without luck the sign-flip test alone.
    """
    p_value = sign_flip_p(differences)
    n = len(differences)
    if not luck or n < 2:
        return p_value
    from scipy.special import stdtr  # here: reading a record needs no scipy

    error = math.hypot(np.std(differences, ddof=1) / math.sqrt(n), luck)
    t = abs(math.fsum(differences)) / n / error
    return max(p_value, float(2 * stdtr(n - 1, -t)))


def independent(
    values: Sequence[float], trainings: Sequence[Hashable], forget_sets: Sequence[Hashable]
) -> tuple[float, ...]:
    """Return values that may be taken as independent: means over those that share a cause.

    Requests that start from one original, or that forget the same examples, err together; where
    the two axes are crossed, the one with fewer values decides how much there is to know.

    >>> independent([1.0, 3.0, 5.0, 7.0], [0, 0, 1, 1], "abcd")
    (2.0, 6.0)
    """
    axis = min((trainings, forget_sets), key=lambda causes: len(set(causes)))
    held: dict[Hashable, list[float]] = {}
    for cause, value in zip(axis, values, strict=True):
        held.setdefault(cause, []).append(value)
    return tuple(math.fsum(shared) / len(shared) for shared in held.values())


@cache
def _signs(n: int) -> Floats:
    if n <= EXACT_UP_TO:
        return np.array(list(product((1.0, -1.0), repeat=n)))
    signs = np.random.default_rng(0).choice((1.0, -1.0), size=(2**EXACT_UP_TO, n))
    signs[0] = 1.0
    return signs


def fewest_pairs(comparisons: int = 1) -> int:
    """Return how many pairs the test needs before any of so many comparisons can be decided.

    All n differences on one side give p = 2**(1-n), the smallest possible; Holm's correction
    requires the smallest p-value to be at most `LEVEL` over the number of comparisons.

    >>> fewest_pairs(1), fewest_pairs(10)
    (6, 9)
    """
    return 1 + math.ceil(math.log2(comparisons / LEVEL))


def detectable(pairs: int, comparisons: int = 1) -> float | None:
    """Return the smallest mean difference that the test shows in four sweeps of five.

    In standard deviations of the differences, which are taken as normal; of `comparisons`, all but
    this one are equal. None where so few pairs can decide nothing.
    """
    if pairs < fewest_pairs(comparisons):
        return None
    if pairs > _POWER_EXACT_UP_TO:
        return _t_detectable(pairs, LEVEL / comparisons)
    noise = np.random.default_rng(pairs).standard_normal((_POWER_SAMPLES, pairs))
    low, high = 0.0, 8.0
    while high - low > 0.01:
        middle = (low + high) / 2
        shown = _sign_flip_ps(noise + middle) <= LEVEL / comparisons
        low, high = (low, middle) if np.mean(shown) >= _POWER else (middle, high)
    return high


def _t_detectable(pairs: int, level: float) -> float:
    from scipy import optimize, stats

    critical = stats.t.isf(level / 2, pairs - 1)
    root = math.sqrt(pairs)
    return float(
        optimize.brentq(
            lambda size: stats.nct.sf(critical, pairs - 1, size * root) - _POWER, 1e-3, 8.0
        )
    )


Verdict = Literal["closer", "farther", "no significant difference", "too few requests"]


def verdict(differences: Sequence[float], p_value: float, comparisons: int = 1) -> Verdict:
    """Return the verdict on paired differences of Avg. Gap; negative means closer to Retrain.

    `p_value` is corrected for so many comparisons; with too few pairs for them nothing is decided.
    """
    if len(differences) < fewest_pairs(comparisons):
        return "too few requests"
    if p_value > LEVEL:
        return "no significant difference"
    return "closer" if math.fsum(differences) < 0 else "farther"


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted so that a family of tests errs at most once in 20 (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[k]))
        adjusted[k] = largest
    return tuple(adjusted)


def mean_interval(values: Sequence[float], luck: float = 0.0) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean to which tuning adds `luck`; None for a single value.

    That of the bootstrap; each side is as wide as the root of its square and that of 1.96 luck.
    """
    interval = bootstrap_interval(values)
    if interval is None or not luck:
        return interval
    mean = math.fsum(values) / len(values)
    low, high = (math.hypot(end - mean, 1.96 * luck) for end in interval)
    return mean - low, mean + high


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % BCa bootstrap interval of a mean (Efron 1987); None for a single value.

    As `scipy.stats.bootstrap`, which takes a millisecond a call: too long for every number of a
    large report. The resamples of n values are always the same. For few values the interval is too
    narrow: of three normal ones it covers the mean in 73 % of cases, of six in 86, of ten in 90 %.
    """
    if len(values) < 2:
        return None
    sample = np.asarray(values, dtype=float)
    mean = float(sample.mean())
    deviations = sample - mean
    squares = float((deviations**2).sum())
    if squares <= (1e-12 * max(1.0, abs(mean))) ** 2:
        return mean, mean
    from scipy.special import ndtr, ndtri  # here: reading a record needs no scipy

    means = _resamples(len(sample)) @ sample
    rounding = 1e-12 * float(np.abs(sample).max())
    share = (np.mean(means < mean - rounding) + np.mean(means <= mean + rounding)) / 2
    bias = ndtri(np.clip(share, 1e-9, 1 - 1e-9))
    skew = float((deviations**3).sum()) / (6 * squares**1.5)
    shifted = bias + ndtri(np.array([0.025, 0.975]))
    levels = ndtr(bias + shifted / (1 - skew * shifted))
    low, high = np.quantile(means, levels)
    return float(low), float(high)


@cache
def _resamples(n: int) -> Floats:
    """Weights (RESAMPLES, n) of n values in each resample; every row sums to 1."""
    return np.random.default_rng(n).multinomial(n, [1 / n] * n, size=RESAMPLES) / n


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share of n cases (Clopper & Pearson 1934).

    >>> tuple(round(float(end), 3) for end in share_interval(6, 6))
    (0.541, 1.0)
    """
    from scipy.special import betaincinv

    low = float(betaincinv(hits, n - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 0.975)) if hits < n else 1.0
    return low, high


def letters(order: Sequence[str], apart: set[frozenset[str]]) -> dict[str, str]:
    """Return a letter display: two names share a letter exactly where they are not `apart`.

    Insert and absorb (Piepho 2004); names come best first, so that `a` is the best group.

    >>> letters(["x", "y", "z"], {frozenset("xz")})
    {'x': 'a', 'y': 'ab', 'z': 'b'}
    """
    groups: list[frozenset[str]] = [frozenset(order)]
    for pair in sorted(apart, key=sorted):
        split = [
            part
            for group in groups
            for part in ([group - {name} for name in sorted(pair)] if pair <= group else [group])
        ]
        groups = [one for one in dict.fromkeys(split) if not any(one < other for other in split)]
    ranked = sorted(groups, key=lambda group: [name not in group for name in order])
    return {
        name: "".join(_letter(k) for k, group in enumerate(ranked) if name in group)
        for name in order
    }


def _letter(number: int) -> str:
    """Return a to z; then a primed once, twice."""
    return chr(ord("a") + number % 26) + "'" * (number // 26)
