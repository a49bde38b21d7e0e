"""Membership inference: can an attacker tell that D_f was trained on?

`mia_svc` is the number that the unlearning literature reports; `mia_auc` is more reliable.
Both ignore the order of examples: every choice depends on the examples' ids alone.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, mannwhitneyu
from sklearn.svm import SVC

from mubench.catalogue.phases import phase
from mubench.metrics.features import confidence, logit_scaled_confidence
from mubench.metrics.outputs import Floats, Outputs
from mubench.metrics.related_models import NoValue

LEVEL = 0.01
"""Of the tests by which an attack is flagged."""
FIT_BINS = 400
SCORE_BINS = 2_000
FALSE_ALARMS = 10
"""Fewest non-members above the threshold of a rate of true positives."""


class Side(NamedTuple):
    """Confidences of members, or of non-members: all (n,), and those of bins with their counts."""

    confidences: Floats
    values: Floats
    counts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SvcAttack:
    """Result of the confidence attack, both as fractions, and two tests of its own labels.

    All but `efficacy` is computed when it is asked for: a search does not ask.
    """

    svc: SVC
    members: Side
    others: Side
    efficacy: float
    """TN / |D_f|, the share of D_f that it calls non-member: not a success rate, for 1 can also
    mean "obviously odd"."""

    @cached_property
    def attack_accuracy(self) -> float:
        """Its balanced accuracy on its training data: above 0.5 by chance, the more the fewer."""
        true_negatives = 1 - _member_rate(self.svc, self.others.values, self.others.counts)
        true_positives = _member_rate(self.svc, self.members.values, self.members.counts)
        return (true_positives + true_negatives) / 2

    @cached_property
    def difference_p(self) -> float:
        """Of members and non-members having the same confidences: two-sample Kolmogorov-Smirnov
        test, whose statistic is what the best threshold gains.
        """
        found = ks_2samp(self.members.confidences, self.others.confidences, method="asymp")
        return float(found.pvalue)

    @cached_property
    def inversion_p(self) -> float:
        """Of members being at least as confident as non-members: Mann and Whitney's test."""
        return _p_of_less(self.members.confidences, self.others.confidences)

    @property
    def is_uninformative(self) -> bool:
        """Whether it cannot tell its own members apart: then `efficacy` is arbitrary."""
        return self.difference_p >= LEVEL

    @property
    def is_inverted(self) -> bool:
        """Whether members are less confident than non-members: it takes the sure for unseen."""
        return self.inversion_p < LEVEL


@phase("attack")
def mia_svc(forget: Outputs, retain: Outputs, holdout: Outputs) -> SvcAttack:
    """Attack D_f with an SVC on the confidence q_y, fitted on D_r against the held-out split.

    As `SVC_MIA` of Jia et al. 2023 (C = 3, RBF kernel, gamma "auto", which is 1 for one feature),
    but for two things. Members and non-members are equally many, as many as the smaller set has,
    and chosen by a fixed shuffle of ids rather than as the first ones. And the machine sees about
    400 bins a side, weighted by their counts, for 20,000 examples: the same answer within 0.005.

    Pass the held-out split without the forgotten classes. Raises ValueError for an empty set.
    """
    size = min(len(retain), len(holdout))
    if size == 0 or len(forget) == 0:
        raise ValueError(
            f"mia_svc needs examples on every side, got {len(forget)} to forget, "
            f"{len(retain)} retained, {len(holdout)} held out"
        )
    members, others, targets = (
        confidence(part) for part in (_sample(retain, size), _sample(holdout, size), forget)
    )
    edges = _edges(np.concatenate([members, others]), FIT_BINS)
    seen, unseen = (Side(side, *_grouped(side, edges)) for side in (members, others))
    svc = SVC(C=3, kernel="rbf", gamma=1.0)
    svc.fit(
        np.concatenate([seen.values, unseen.values])[:, None],
        np.repeat([1, 0], [len(seen.values), len(unseen.values)]),
        sample_weight=np.concatenate([seen.counts, unseen.counts]),
    )
    efficacy = 1 - _member_rate(svc, *_grouped(targets, _edges(targets, SCORE_BINS)))
    return SvcAttack(svc, seen, unseen, efficacy)


def mia_auc(forget: Outputs, holdout: Outputs) -> float | None:
    """AUC of telling D_f from held-out examples of the same classes by the loss; chance is 0.5.

    Above 0.5 the forgotten examples are fitted better than unseen ones: members are recognisable.
    Below, they stand out as unusually bad. Of each class both sides give the same number of
    examples, so that an easy class is not taken for membership. Pass the whole held-out split:
    class-wise forgetting is compared with held-out examples of the forgotten class. None where the
    two sets share no class.
    """
    members, others = class_matched(forget, holdout)
    if len(members) == 0:
        return None
    return area_under_curve(logit_scaled_confidence(members), logit_scaled_confidence(others))


def area_under_curve(positives: Floats, negatives: Floats) -> float:
    """P(positive > negative) + P(equal) / 2, by Mann-Whitney's rank sum. Both (n,), not empty."""
    pooled = np.concatenate([positives, negatives])
    _, inverse, counts = np.unique(pooled, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    n, m = len(positives), len(negatives)
    return float((mean_ranks[inverse[:n]].sum() - n * (n + 1) / 2) / (n * m))


def true_positive_rate(members: Floats, others: Floats, rate: float) -> float:
    """Share of `members` (n,) above the score that at most `rate` of the `others` (m,) exceed.

    Raises NoValue for fewer than `FALSE_ALARMS / rate` others: such a rate would hang on a handful
    of them.
    """
    fewest = math.ceil(FALSE_ALARMS / rate)
    if len(others) < fewest:
        raise NoValue(f"fewer than {fewest} held-out non-members")
    threshold = np.sort(others)[len(others) - 1 - int(rate * len(others))]
    return float((members > threshold).mean())


def class_matched(forget: Outputs, holdout: Outputs) -> tuple[Outputs, Outputs]:
    """Subsets of both with the same number of examples of every class."""
    counts = [np.bincount(part.labels, minlength=part.num_classes) for part in (forget, holdout)]
    sizes = np.minimum(*counts)
    first, second = (
        part.at(np.concatenate([_shuffled(part, label)[:size] for label, size in enumerate(sizes)]))
        for part in (forget, holdout)
    )
    return first, second


def id_order(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fixed shuffle: positions in the order of the ids' hashes (SplitMix64, a bijection)."""
    bits = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(bits ^ (bits >> np.uint64(31)))


def _p_of_less(members: Floats, others: Floats) -> float:
    """One-sided p-value of Mann and Whitney's test; 1 where all values are equal."""
    if np.ptp(np.concatenate([members, others])) == 0:
        return 1.0
    test = mannwhitneyu(members, others, alternative="less", method="asymptotic")
    return float(test.pvalue)


def _sample(outputs: Outputs, size: int) -> Outputs:
    return outputs.at(id_order(outputs.ids)[:size])


def _shuffled(outputs: Outputs, label: int) -> NDArray[np.int64]:
    """Positions of the examples of one class, shuffled by their ids."""
    positions = np.flatnonzero(outputs.labels == label)
    return positions[id_order(outputs.ids[positions])]


def _edges(values: Floats, bins: int) -> Floats:
    """Inner edges of about `bins` bins: half of equal width, half of equal count.

    Equal counts resolve the crowd near 1, equal widths the thin tail below.
    """
    fractions = np.linspace(0, 1, bins // 2 + 1)[1:-1]
    return np.unique(np.concatenate([fractions, np.quantile(values, fractions)]))


def _grouped(values: Floats, edges: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Mean and count of the values in every bin that has any."""
    bins = np.searchsorted(edges, values, side="right")
    counts = np.bincount(bins, minlength=len(edges) + 1)
    sums = np.bincount(bins, weights=values, minlength=len(edges) + 1)
    filled = counts > 0
    return sums[filled] / counts[filled], counts[filled]


def _member_rate(svc: SVC, values: Floats, counts: NDArray[np.int64]) -> float:
    return float(np.average(svc.predict(values[:, None]), weights=counts))
