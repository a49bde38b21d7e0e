"""All blocks of evidence that a step was asked for, on one model."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from mubench.errors import Diverged, Refused
from mubench.evidence.probe import probe
from mubench.evidence.relearn import relearn
from mubench.evidence.subject import Subject
from mubench.evidence.weight_space import compare
from mubench.sweep.evidence import Evidence


class Examination(NamedTuple):
    """Metrics by name, and a flag with the reason for each block without numbers."""

    metrics: Mapping[str, float]
    flags: tuple[str, ...] = ()


def examine(subject: Subject, asked: Evidence) -> Examination:
    """Run the asked blocks; one that cannot have numbers here says why, in a flag."""
    blocks: dict[str, Callable[[], Mapping[str, float]]] = {}
    if asked.relearn is not None:
        blocks["relearn"] = partial(relearn, subject, asked.relearn)
    if asked.probe is not None:
        blocks["probe"] = partial(probe, subject, asked.probe)
    if asked.weights is not None:
        blocks["weights"] = partial(compare, subject, asked.weights)
    values: dict[str, float] = {}
    flags: list[str] = []
    for name, block in blocks.items():
        try:
            values |= block()
        except (Diverged, Refused) as error:
            flags.append(f"no {name}: {error}")
    return Examination(values, tuple(flags))
