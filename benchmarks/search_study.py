"""Which search finds good hyperparameters at equal cost: schemes compared on tables of results.

A table has every candidate of a row on every search request of a cell, as a sweep of
`benchmarks/pools/` leaves it in a store. A search draws its candidates from the table, as random
search would, always with the defaults; it looks at some requests, and is judged on the others. So
thousands of searches cost no training. Cost is counted in trials.

    mubench run benchmarks/pools/digits.yaml --store STORE --no-mlflow   # and the other pools
    python benchmarks/search_study.py STORE [STORE ...] [--only REGULAR_EXPRESSION]

Printed, in points: regret (gap on the judging requests minus that of the best candidate there),
the standard deviation of that gap over searches, and how often the choice is worse than the
defaults by more than a point.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from helpers.made_up import made_up_records
from helpers.smoke import IS_SMOKE, sized
from numpy.typing import NDArray

from mubench.metrics.gap import FORMS
from mubench.run.tune.race import promoted, select
from mubench.store.record import WORST, Record
from mubench.store.store import Store
from mubench.sweep.spec import SearchSpec

Floats = NDArray[np.float64]
SEARCHES = sized(600, 2)
POINT = 0.01
LOOKS = 3
"""Requests that a search may look at, at most; the others judge."""
JUDGES = ("gap", "robust_gap")
Scheme = Callable[[Floats, Sequence[int], np.random.Generator], list[int]]
"""Objectives (candidates, requests), the order of requests, and chance: the chosen candidates."""


@dataclass(frozen=True)
class Table:
    """One row of one cell: values (candidates, requests) of each form of the gap."""

    name: str
    values: Mapping[str, Floats]


def race(trials: int, requests: int, keep: float = 1) -> Scheme:
    """The search of mubench, with candidates at random; one request: no race at all."""

    def choose(values: Floats, order: Sequence[int], rng: np.random.Generator) -> list[int]:
        return [run_race(values, order, trials, requests, keep, rng)[0]]

    return choose


def run_race(
    values: Floats,
    order: Sequence[int],
    trials: int,
    requests: int,
    keep: float,
    rng: np.random.Generator,
) -> tuple[int, list[tuple[int, int, int]]]:
    """The chosen row of `values`, and what ran: candidate of the search, round, row."""
    places = SearchSpec(trials=trials, keep=keep).places(requests)
    others = rng.choice(len(values) - 1, trials - 1, replace=False) + 1
    names = [0, *map(int, others)]  # candidate k of the search is names[k]
    results: dict[int, list[float]] = {k: [] for k in range(trials)}
    ran = []
    for number, request in enumerate(order[:requests]):
        if number:
            results = {k: results[k] for k in promoted(results, places[number])}
        for k in results:
            results[k].append(float(values[names[k], request]))
            ran.append((k, number, names[k]))
    return names[select(results)], ran


def repeated(repeats: int, trials: int) -> Scheme:
    """Several searches on one request each; final requests use them in turn."""
    one = race(trials, 1)

    def choose(values: Floats, order: Sequence[int], rng: np.random.Generator) -> list[int]:
        firsts = [order[k % LOOKS :] for k in range(repeats)]
        return [chosen for first in firsts for chosen in one(values, first, rng)]

    return choose


SCHEMES: Mapping[str, tuple[int, int, Scheme]] = {
    "8 on one request": (8, 8, race(8, 1)),
    "race 6, 2": (8, 6, race(6, 2, keep=0.3)),
    "12 on one request": (12, 12, race(12, 1)),
    "race 9, 3": (12, 9, race(9, 2, keep=0.3)),
    "race 8, 4": (12, 8, race(8, 2, keep=0.5)),
    "6 on two requests": (12, 6, race(6, 2, keep=1)),
    "4 on three requests": (12, 4, race(4, 3, keep=1)),
    "16 on one request": (16, 16, race(16, 1)),
    "race 12, 4": (16, 12, race(12, 2, keep=0.3)),
    "24 on one request": (24, 24, race(24, 1)),
    "race 18, 4, 2": (24, 18, race(18, 3, keep=0.2)),
    "6 searches of 4": (24, 4, repeated(6, 4)),
    "27 on one request": (27, 27, race(27, 1)),
    "race 21, 6": (27, 21, race(21, 2, keep=0.3)),
    "9 searches of 3": (27, 3, repeated(9, 3)),
    "36 on one request": (36, 36, race(36, 1)),
    "race 28, 8": (36, 28, race(28, 2, keep=0.3)),
    "6 searches of 6": (36, 6, repeated(6, 6)),
    "9 searches of 4": (36, 4, repeated(9, 4)),
}
"""Name: cost in trials, candidates of one search, and the search."""


def tables(records: Sequence[Record]) -> list[Table]:
    """The whole tables among the search records of a store."""
    rows: defaultdict[tuple[str, str], dict[tuple[int, str], Record]] = defaultdict(dict)
    for record in records:
        if record.kind == "search":
            rows[record.cell, record.row][record.candidate, record.request] = record
    found = []
    for (cell, row), by_place in sorted(rows.items()):
        requests = sorted({request for _, request in by_place})
        count = 1 + max(number for number, _ in by_place)
        if len(requests) <= LOOKS or len(by_place) != count * len(requests):
            continue
        values = {
            form: np.array(
                [
                    [by_place[k, request].metrics.get(form, WORST) for request in requests]
                    for k in range(count)
                ]
            )
            for form in FORMS
        }
        found.append(Table(f"{cell}: {row}", values))
    return found


def given_tables() -> list[Table]:
    """The tables that the command line names; ends the process where there are none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", nargs="*")
    parser.add_argument("--only", default="", help="Tables whose name (cell: row) has it.")
    given = parser.parse_args()
    stores = [[*Store(name).records.read().values()] for name in given.store]
    if IS_SMOKE:
        stores = [made_up_records("digits")]
    found = (table for records in stores for table in tables(records))
    named = [table for table in found if re.search(given.only, table.name)]
    if not named:
        raise SystemExit("no tables: give a store in which a sweep of benchmarks/pools/ has run")
    return named


def outcomes(table: Table, scheme: Scheme, objective: str, judge: str) -> tuple[Floats, Floats]:
    """Of many searches: the regret (n,), and the judged gap minus that of the defaults (n,)."""
    rng = np.random.default_rng(0)
    searched, judged = table.values[objective], table.values[judge]
    requests = searched.shape[1]
    regrets, beyond = [], []
    for _ in range(SEARCHES):
        order = rng.permutation(requests)
        looks, rest = order[:LOOKS], order[LOOKS:]
        means = judged[:, rest].mean(axis=1)
        reached = means[scheme(searched, [int(each) for each in looks], rng)].mean()
        regrets.append(reached - means.min())
        beyond.append(reached - means[0])
    return np.array(regrets), np.array(beyond)


def spread(table: Table, scheme: Scheme, objective: str, judge: str) -> float:
    """Standard deviation of the judged gap over searches, the judging requests being the same."""
    rng = np.random.default_rng(1)
    searched, judged = table.values[objective], table.values[judge]
    requests = searched.shape[1]
    means = judged.mean(axis=1)
    orders = [[int(each) for each in rng.permutation(requests)] for _ in range(SEARCHES)]
    reached = [means[scheme(searched, order[:LOOKS], rng)].mean() for order in orders]
    return float(np.std(reached))


def main() -> None:
    found = given_tables()
    print(f"{len(found)} tables: {', '.join(table.name for table in found)}")
    for judge in JUDGES:
        print(f"\njudged by {judge}")
        titles = f"{'cost':>6}{'regret':>8}{'sd':>6}{'max sd':>8}{'worse':>8}"
        print(f"{'scheme':24}{'objective':16}{titles}")
        for name, (cost, candidates, scheme) in SCHEMES.items():
            if candidates > min(len(table.values[judge]) for table in found):
                continue
            for objective in FORMS:
                regrets, spreads, worse = [], [], []
                for table in found:
                    regret, beyond = outcomes(table, scheme, objective, judge)
                    regrets.append(regret.mean())
                    spreads.append(spread(table, scheme, objective, judge))
                    worse.append(float((beyond > POINT).mean()))
                print(
                    f"{name:24}{objective:16}{cost:6}{100 * fmean(regrets):8.2f}"
                    f"{100 * fmean(spreads):6.2f}{100 * max(spreads):8.2f}{fmean(worse):8.0%}"
                )


if __name__ == "__main__":
    main()
