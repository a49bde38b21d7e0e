"""Where the time of a sweep went, by kind of step and phase."""

from collections.abc import Iterable

from mubench.catalogue.phases import PHASES
from mubench.report.analysis.times import OTHER, times_by_kind
from mubench.report.figures.figure import BAND, FAINT, PALETTE, WIDTH, Figure, figure, values
from mubench.store.record import Record


def time_bars(records: Iterable[Record]) -> Figure | None:
    """Draw a bar for each kind of step, in parts; None where no record has phases."""
    times = times_by_kind(records)
    if not times:
        return None
    parts = [
        {"kind": f"{one.kind} ({one.steps})", "phase": phase, "seconds": seconds, "place": place}
        for one in times
        for place, (phase, seconds) in enumerate(one.phases.items())
    ]
    order = [name for name in (*PHASES, OTHER) if any(part["phase"] == name for part in parts)]
    colors = dict(zip((*PHASES, OTHER), (BAND, *PALETTE, FAINT), strict=True))
    color = {
        "field": "phase",
        "type": "nominal",
        "title": None,
        "sort": order,
        "scale": {"domain": order, "range": [colors[name] for name in order]},
    }
    return figure(
        "time",
        "Seconds of all steps by kind and by what they did; in parentheses the number of steps. "
        "Evaluation is one pass over each split; attack is the MIA's; import is the loading of "
        "code in each worker process.",
        {
            "data": values(parts),
            "mark": {"type": "bar", "height": {"band": 0.7}},
            "encoding": {
                "y": {"field": "kind", "type": "nominal", "title": None, "sort": None},
                "x": {"field": "seconds", "type": "quantitative", "title": "Seconds"},
                "color": color,
                "order": {"field": "place", "type": "quantitative"},
                "tooltip": [
                    {"field": "kind", "title": "Steps"},
                    {"field": "phase", "title": "Phase"},
                    {"field": "seconds", "title": "Seconds", "format": ".1f"},
                ],
            },
            "width": WIDTH,
            "height": 40 * len(times),
        },
    )
