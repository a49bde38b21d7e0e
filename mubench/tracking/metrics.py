"""Metrics of the runs of rows and of the sweep: the numbers of the report's table. Pure.

The part of a name before `/` is the section that MLflow puts its chart into. Fractions stay
fractions.
"""

from collections.abc import Iterable, Mapping

from mubench.metrics.info import METRICS
from mubench.report.analysis.aggregate import COLUMNS, Cell, Row
from mubench.sweep.kinds import RETRAIN
from mubench.tracking.run_data import finite

FIRST = ("gap", *(metric for metric in COLUMNS if metric != "gap"))
"""The table's metrics, Avg. Gap before the four values that it averages."""


def row_metrics(rows: Iterable[Row]) -> dict[str, float]:
    """Return the metrics of a row of the table: its selections, or a reference.

    `tuned/gap` is a mean over requests, `tuned_sd/gap` its standard deviation,
    `tuned_to_retrain/ua` the distance between the mean and Retrain's, and `tuned/requests` the
    number of requests with numbers. `default` and the references have the same names after `/`.
    """
    metrics: dict[str, float | None] = {}
    for row in rows:
        section = row.selection or row.label
        estimates = {name: row.estimates[name] for name in FIRST if name in row.estimates}
        metrics[f"{section}/requests"] = len(row.scored)
        metrics |= {f"{section}/{name}": value.mean for name, value in estimates.items()}
        metrics |= {f"{section}_sd/{name}": value.spread for name, value in estimates.items()}
        if row.label != RETRAIN:
            metrics |= {f"{section}_to_retrain/{k}": v for k, v in _distances(row).items()}
    return finite(metrics)


def _distances(row: Row) -> dict[str, float]:
    names = {"gap": "gap_of_means"}
    return {names.get(k, k): row.distances[k] for k in FIRST if k in row.distances}


def ordered(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of a step, those of the table first: MLflow keeps the order."""
    names = [name for name in (*FIRST, *METRICS) if name in metrics]
    return {name: metrics[name] for name in dict.fromkeys([*names, *metrics])}


def floor_metrics(cell: Cell) -> dict[str, float]:
    """Return the distance between two Retrains of a request: mean and 95th percentile of pairs."""
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
    """Return each cell's smallest Avg. Gap, the original's, and the noise floor.

    Args:
        cells: the results of the sweep.
        names: a short name for each cell.
    """
    metrics: dict[str, float | None] = {}
    for cell in cells:
        name = names.get(cell.name, cell.name).replace("/", " ")
        for selection in ("tuned", "default"):
            for best in cell.ranked(selection)[:1]:
                metrics[f"smallest_gap_{selection}/{name}"] = best.estimates["gap"].mean
        original = cell.original.estimates.get("gap")
        metrics[f"original_gap/{name}"] = original.mean if original else None
        metrics[f"noise_floor_gap/{name}"] = cell.floor.mean.get("gap") if cell.floor else None
    return finite(metrics)
