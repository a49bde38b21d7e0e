"""Is the target nearer to Retrain than to the original? Kernel distances, with exact tests.

After the three-sample test of Bounliphone et al. 2016 (arXiv 1511.04581): the maximum mean
discrepancy (MMD; Gretton et al. 2012) of the target to the original against that to Retrain. Their
test takes an asymptotic variance. This one uses that all models answered the same examples: where
it makes no difference which of two models gave which answer, exchanging their answers to some
examples changes nothing. That is exact for any number of examples.

An answer is the vector q - e_y, the error of the probabilities, on D_f. The tests take the models
as given: two Retrains differ as models, and the plain two-sample test may tell them apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mubench.catalogue.seeds import derive_seed
from mubench.metrics.membership import id_order
from mubench.metrics.outputs import Floats, Outputs
from mubench.metrics.related_models import ModelContext, NoValue, Values

MOST = 500
"""Most examples of D_f."""
EXCHANGES = 999


def relative(context: ModelContext) -> Values:
    """`relative_distance` in [-1, 1], its p-value, and that of the plain two-sample test.

    Retrain itself is compared with another one. Raises NoValue without an original or a Retrain,
    or where all answers are the same.
    """
    compared = context.compared_with
    if context.before is None or compared is None:
        raise NoValue("no original or no other Retrain; 'floor' in the sweep file makes some")
    forget = context.target.forget
    ids = forget.ids[id_order(forget.ids)[:MOST]]
    models = (context.target, context.before, compared)
    target, original, retrained = (errors(model.forget.of_ids(ids)) for model in models)
    kernels, signs = Kernels.of(target, original, retrained), exchanges(ids)
    return {
        "relative_distance": kernels.relative_distance(),
        "relative_p": kernels.relative_p(signs),
        "two_sample_p": kernels.two_sample_p(signs),
    }


def exchanges(ids: NDArray[np.int64]) -> Floats:
    """Which examples are exchanged, as signs (EXCHANGES, n): other ones for every forget set."""
    rng = np.random.default_rng(derive_seed("exchanged answers", ids.tobytes().hex()))
    return np.asarray(rng.integers(0, 2, size=(EXCHANGES, len(ids))) * 2 - 1, np.float64)


def errors(outputs: Outputs) -> Floats:
    """Q - e_y (n, K): zero for a model that is sure and right."""
    q = np.exp(outputs.log_probabilities())
    q[np.arange(len(outputs)), outputs.labels] -= 1
    return q


@dataclass(frozen=True, eq=False)
class Kernels:
    """Gaussian kernels (n, n) between the answers of target, original and Retrain.

    Rows belong to the first model of a name and columns to the second.
    """

    target: Floats
    original: Floats
    retrained: Floats
    target_original: Floats
    target_retrained: Floats
    original_retrained: Floats

    @classmethod
    def of(cls, target: Floats, original: Floats, retrained: Floats) -> "Kernels":
        """From answers (n, K). The bandwidth is the median of the distances above zero.

        It does not change when answers are exchanged. Raises NoValue where all answers are equal.
        """
        answers = np.concatenate([target, original, retrained])
        squares = (answers**2).sum(axis=1)
        distances = squares[:, None] + squares - 2 * answers @ answers.T
        positive = distances[distances > 1e-12]
        if len(positive) == 0:
            raise NoValue("all answers on D_f are the same")
        kernel = np.exp(-np.maximum(distances, 0) / np.median(positive))
        t, o, r = (slice(k * len(target), (k + 1) * len(target)) for k in range(3))
        pairs = ((t, t), (o, o), (r, r), (t, o), (t, r), (o, r))
        return cls(*(kernel[pair] for pair in pairs))

    def relative_distance(self) -> float:
        """(d_o - d_r) / (d_o + d_r) of the squared MMDs to original and Retrain.

        1 is a target with Retrain's answers, -1 one with the original's.
        """
        to_original = (self.target + self.original - 2 * self.target_original).mean()
        to_retrained = (self.target + self.retrained - 2 * self.target_retrained).mean()
        total = to_original + to_retrained
        if total <= 1e-12:
            raise NoValue("original and Retrain have the same answers on D_f")
        return float((to_original - to_retrained) / total)

    def relative_p(self, signs: Floats) -> float:
        """P-value of the target being no nearer to Retrain than to the original.

        The difference of the squared MMDs, after the exchange of original and Retrain for the
        examples with sign -1, is linear in the signs: each example has a share in it.
        """
        crossed = self.original_retrained
        shares = (self.original - self.retrained).sum(axis=1)
        shares += (crossed - crossed.T).sum(axis=1)
        shares -= 2 * (self.target_original - self.target_retrained).sum(axis=0)
        return _p_of(signs @ shares, shares.sum())

    def two_sample_p(self, signs: Floats) -> float:
        """P-value of target and Retrain giving the same answers: the squared MMD, exchanged."""
        products = self.target + self.retrained - self.target_retrained - self.target_retrained.T
        return _p_of((signs @ products * signs).sum(axis=1), products.sum())


def _p_of(exchanged: Floats, found: float) -> float:
    """Share of statistics at least as large as the one that was found, itself included."""
    slack = 1e-9 * (1 + abs(found))
    return float((1 + (exchanged >= found - slack).sum()) / (1 + len(exchanged)))
