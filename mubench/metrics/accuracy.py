"""UA, RA and TA, from integer counts (definitions of Jia et al. 2023, arXiv 2304.04934)."""

from dataclasses import dataclass

from mubench.metrics.outputs import Outputs


@dataclass(frozen=True)
class Count:
    """Correct predictions among `total` examples. Raises ValueError for no examples."""

    correct: int
    total: int

    def __post_init__(self) -> None:
        if self.total == 0:
            raise ValueError("accuracy of no examples: the set is empty")

    @property
    def accuracy(self) -> float:
        """Fraction correct."""
        return self.correct / self.total

    @property
    def error(self) -> float:
        """Fraction wrong, from its own count rather than by rounding 1 - accuracy."""
        return (self.total - self.correct) / self.total


def count(outputs: Outputs) -> Count:
    """Count the examples whose predicted class is their label."""
    return Count(int((outputs.predictions() == outputs.labels).sum()), len(outputs))


def unlearning_accuracy(forget: Outputs) -> float:
    """UA = 1 - FA, the share of D_f predicted wrongly. The target is Retrain's value, not 1."""
    return count(forget).error


def accuracy(outputs: Outputs) -> float:
    """RA on D_r, TA on the held-out split, as fractions."""
    return count(outputs).accuracy
