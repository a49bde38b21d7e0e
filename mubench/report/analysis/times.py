"""Where the time of a sweep went: seconds of its steps by kind and phase."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mubench.catalogue.phases import PHASES
from mubench.store.record import Record
from mubench.sweep.kinds import STEP_KINDS, StepKind

OTHER = "other"
"""Of a step's time what is in no phase."""


@dataclass(frozen=True)
class KindTimes:
    """The steps of one kind."""

    kind: StepKind
    steps: int
    seconds: float
    """Wall time of all, with the loading of code before the first of each process."""
    phases: Mapping[str, float]
    """Seconds by phase, in the order of `PHASES` and then `OTHER`; they add up to `seconds`."""


def times_by_kind(records: Iterable[Record]) -> tuple[KindTimes, ...]:
    """Return the times of each kind that ran; records without phases, of an older mubench, not."""
    timed = [record for record in records if record.phases]
    by_kind = {kind: [r for r in timed if r.kind == kind] for kind in STEP_KINDS}
    return tuple(_times(kind, found) for kind, found in by_kind.items() if found)


def _times(kind: StepKind, records: list[Record]) -> KindTimes:
    phases: dict[str, float] = {
        name: math.fsum(r.phases.get(name, 0.0) for r in records) for name in PHASES
    }
    seconds = math.fsum(r.seconds for r in records) + phases["import"]
    phases[OTHER] = max(0.0, seconds - sum(phases.values()))
    shown = {name: spent for name, spent in phases.items() if spent}
    return KindTimes(kind, len(records), seconds, shown)
