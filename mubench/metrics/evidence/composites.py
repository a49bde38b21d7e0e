"""LUMA and GUM: utility, efficacy and efficiency in one number.

Both depend on run times, so they compare rows of one machine only; ToW and Avg. Gap do not.
Neither is defined for the Retrain that others are compared with.
"""

from dataclasses import dataclass
from math import exp, log1p

from mubench.metrics.accuracy import accuracy, unlearning_accuracy
from mubench.metrics.membership import mia_auc
from mubench.metrics.outputs import SplitOutputs, comparable_holdout, retained_holdout
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

LAPLACE = 4.0
"""LUMA's gamma."""
POWER = 3.0
"""LUMA's exponent of the cost ratio."""


@dataclass(frozen=True)
class _Scores:
    ua: float
    ta: float
    mia: float


def composites(context: ModelContext) -> Values:
    """LUMA and GUM, in [0, 1], higher is better. Raises NoValue without Retrain or a run time."""
    retrained, seconds = context.retrained, context.seconds
    if retrained is None:
        raise NoValue("it is the Retrain that others are compared with")
    if seconds is None or not context.retrained_seconds:
        raise NoValue("no run time of the model or of Retrain")
    cost = log1p(seconds) / log1p(context.retrained_seconds)
    own, target = _scores(context, context.target), _scores(context, retrained)
    return {
        "luma": _luma(own, target, cost),
        "gum": value_or_reason(lambda: _gum(own, target, _before(context), cost)),
    }


def _luma(own: _Scores, target: _Scores, cost: float) -> float:
    """Laplacian Unlearning Multidimensional Assessment, as its authors' code has it.

    ICLR 2026 submission 17181; `LUMA.py` of dangeloandrea14/ICLR_benchmark_anon: the harmonic mean
    of exp(-4 |difference|) in utility and in efficacy, and exp(-cost^3). Accuracies stand for F1
    scores and MIA AUC for the accuracy of their attack; the memory term, a tenth of the cost, is
    left out.
    """
    utility = exp(-LAPLACE * (abs(own.ta - target.ta) + abs(own.ua - target.ua)))
    efficacy = exp(-LAPLACE * abs(own.mia - target.mia))
    return _harmonic_mean(utility, efficacy, exp(-(cost**POWER)))


def _gum(own: _Scores, target: _Scores, before: _Scores, cost: float) -> float:
    """After the Global Unlearning Metric (Koudounas et al. 2025, arXiv 2505.15700).

    The harmonic mean of utility 1 - |difference in TA|, efficacy 1 - |distance of MIA to Retrain's
    over that of the original| and efficiency 1 - cost, none below 0. The paper's text was not
    available. The authors' tables agree with such terms under weights of about 0.44, 0.16 and 0.40;
    weights here are equal.
    """
    if before.mia == target.mia:
        raise NoValue("the original's MIA is Retrain's: nothing to forget")
    efficacy = 1 - abs(own.mia - target.mia) / abs(before.mia - target.mia)
    return _harmonic_mean(1 - abs(own.ta - target.ta), efficacy, 1 - cost)


def _harmonic_mean(*terms: float) -> float:
    return len(terms) / sum(1 / term for term in terms) if min(terms) > 0 else 0.0


def _before(context: ModelContext) -> _Scores:
    if context.before is None:
        raise NoValue("no original of the request")
    return _scores(context, context.before)


def _scores(context: ModelContext, model: SplitOutputs) -> _Scores:
    mia = mia_auc(model.forget, comparable_holdout(model, context.forget_groups))
    if mia is None:
        raise NoValue("no held-out examples like D_f")
    held_out = retained_holdout(model, context.forget_classes, context.forget_groups)
    return _Scores(unlearning_accuracy(model.forget), accuracy(held_out), mia)
