"""What a recorded number means: title, unit, aim."""

from dataclasses import dataclass
from typing import Literal

Aim = Literal["match", "lower", "higher", "none"]
Unit = Literal["fraction", "seconds", "examples", "flops", "mib", "joules", "nats", "ratio"]


@dataclass(frozen=True)
class MetricInfo:
    """What a number means: `aim` is `match` where the retrained model's value is the target."""

    name: str
    title: str
    unit: Unit
    aim: Aim
    description: str
