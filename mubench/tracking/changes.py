"""Which metrics of a run are others by now, and from when on."""

import math
import time
from collections.abc import Iterator, Mapping

from mubench.tracking.progress import CURVE
from mubench.tracking.run_data import Entry, Point

CREATED = "mubench.created"
"""Tag: when the record of a step's run was made."""


def changed(old: Mapping[str, float], entry: Entry) -> Iterator[Point]:
    """Yield the metrics of a run that differ from what it has; NaN for those that no longer hold.

    MLflow deletes no metric. Of one name it shows the latest, of one time the largest: a metric
    that changes needs the time of now. Curves only grow.
    """
    now = max(entry.end, round(1000 * time.time()))
    first = entry.end if entry.tags.get(CREATED) else now
    for name, value in entry.metrics.items():
        if not math.isclose(old.get(name, math.nan), value, rel_tol=1e-12):
            yield Point(name, value, 0, now if name in old else first)
    for name in sorted(old.keys() - entry.metrics.keys()):
        if not name.startswith(CURVE) and not math.isnan(old[name]):
            yield Point(name, math.nan, 0, now)
