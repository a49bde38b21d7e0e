"""Metrics of the runs that stand above others: what the report's table shows, as numbers. Pure.

The part of a name before `/` is the section that MLflow puts its chart into. Fractions stay
fractions.
"""

from collections.abc import Iterable, Mapping

from mubench.metrics.info import METRICS
from mubench.report.analysis.aggregate import COLUMNS, Cell, Row
from mubench.sweep.kinds import RETRAIN
from mubench.tracking.run_data import finite

FIRST = ("gap", *(metric for metric in COLUMNS if metric != "gap"))
"""The table's metrics, Avg. Gap before the four that it is made of."""


def row_metrics(rows: Iterable[Row]) -> dict[str, float]:
    """Of a row of the table: `tuned/gap` is a mean over requests, `tuned_sd/gap` its spread.

    `tuned_to_retrain/ua` is the distance between the mean and Retrain's, `tuned/requests` how many
    requests have numbers. `default` and the references have the same under their own names.
    """
    found: dict[str, float | None] = {}
    for row in rows:
        section = row.selection or row.label
        held = {metric: row.estimates[metric] for metric in FIRST if metric in row.estimates}
        found[f"{section}/requests"] = len(row.scored)
        found |= {f"{section}/{metric}": value.mean for metric, value in held.items()}
        found |= {f"{section}_sd/{metric}": value.spread for metric, value in held.items()}
        if row.label != RETRAIN:
            found |= {f"{section}_to_retrain/{k}": v for k, v in _distances(row).items()}
    return finite(found)


def _distances(row: Row) -> dict[str, float]:
    named = {"gap": "gap_of_means"}
    return {named.get(k, k): row.distances[k] for k in FIRST if k in row.distances}


def ordered(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics of a step, those of the table first: MLflow lists them as they were sent."""
    names = [name for name in (*FIRST, *METRICS) if name in metrics]
    return {name: metrics[name] for name in dict.fromkeys([*names, *metrics])}


def floor_metrics(cell: Cell) -> dict[str, float]:
    """How far two Retrains of a request lie apart: mean over pairs, and 95th percentile."""
    if cell.floor is None:
        return {}
    return finite(
        {
            "noise_floor/pairs": cell.floor.pairs,
            **{f"noise_floor/{metric}": value for metric, value in cell.floor.mean.items()},
            **{f"noise_floor_p95/{metric}": v for metric, v in cell.floor.percentile_95.items()},
        }
    )


def sweep_metrics(cells: Iterable[Cell], names: Mapping[str, str]) -> dict[str, float]:
    """Of the sweep: each cell's smallest Avg. Gap, the original's, and the noise floor."""
    found: dict[str, float | None] = {}
    for cell in cells:
        name = names.get(cell.name, cell.name).replace("/", " ")
        for selection in ("tuned", "default"):
            for best in cell.ranked(selection)[:1]:
                found[f"smallest_gap_{selection}/{name}"] = best.estimates["gap"].mean
        idle = cell.original.estimates.get("gap")
        found[f"original_gap/{name}"] = idle.mean if idle else None
        found[f"noise_floor_gap/{name}"] = cell.floor.mean.get("gap") if cell.floor else None
    return finite(found)
