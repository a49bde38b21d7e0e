"""How stable is each form of the gap from request to request? On the stores of `benchmarks/pools/`.

    python benchmarks/objectives.py STORE [STORE ...]

Printed for each cell and form: Kendall's tau of the order of all candidates of all rows between two
requests (mean over pairs of requests), the standard deviation of a candidate's gap over requests
(median over candidates, in points), and the coefficient of variation (median).
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
from scipy import stats
from search_study import Table, given_tables

from mubench.metrics.gap import FORMS, Form


def stability(of_cell: Sequence[Table], form: Form) -> tuple[float, float, float]:
    """Tau, spread and coefficient of variation of all candidates of a cell."""
    values = np.concatenate([table.values[form] for table in of_cell])
    values = values[(values < 1).all(axis=1)]  # candidates that failed have no gap
    taus = [stats.kendalltau(one, other).statistic for one, other in combinations(values.T, 2)]
    spreads = values.std(axis=1, ddof=1)
    return fmean(taus), float(np.median(spreads)), float(np.median(spreads / values.mean(axis=1)))


def main() -> None:
    cells: defaultdict[str, list[Table]] = defaultdict(list)
    for table in given_tables():
        cells[table.name.split(": ")[0]].append(table)
    print(f"{'cell':52}{'form':14}{'tau':>6}{'sd':>7}{'CV':>6}")
    for cell, of_cell in cells.items():
        for form in FORMS:
            tau, spread, variation = stability(of_cell, form)
            print(f"{cell:52}{form:14}{tau:6.2f}{100 * spread:7.2f}{variation:6.2f}")


if __name__ == "__main__":
    main()
