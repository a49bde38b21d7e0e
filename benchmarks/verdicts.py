"""How often whole sweeps err: verdicts on rows that are the same method twice, and on others.

    python benchmarks/verdicts.py STORE [STORE ...] [--only REGULAR_EXPRESSION]

A simulated sweep tunes two rows by a search each, and compares them on nine final requests, with
the tests of the report. Candidates and requests are drawn from the tables of `search_study.py`.
Printed for each search: the share of the sweeps in which two rows that are the same method differ
significantly (mean over tables, and the largest); for pairs of different methods of a cell the
share of sweeps with a verdict, that of two sweeps with opposite verdicts, and Kendall's tau of the
verdicts of two sweeps, pairs without one left out. Each with the hyperparameters taken as given,
and with allowance for the luck in tuning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
from helpers.smoke import sized
from search_study import LOOKS, Table, given_tables, run_race

from mubench.metrics.gap import Form
from mubench.report.analysis.luck import tuning_luck
from mubench.report.analysis.significance import LEVEL, sign_flip_p, tuned_p
from mubench.store.record import Record

FINALS = 9
SWEEPS = sized(200, 4)
Search = tuple[int, int, float]
"""Candidates, requests, and the share that is kept."""
Random = np.random.Generator
SEARCHES: dict[str, Search] = {"race 9, 3": (9, 2, 0.3), "12": (12, 1, 1.0), "24": (24, 1, 1.0)}
SEARCHES |= {"race 28, 8": (28, 2, 0.3)}
OBJECTIVE: Form = "robust_gap"
JUDGES: tuple[Form, ...] = ("gap", "robust_gap")
ANY: dict[str, Any] = dict.fromkeys(
    ("unlearn_id", "dataset", "model", "scenario", "cell", "request", "created"), ""
)
ANY |= {"kind": "search", "status": "ok", "seed_train": 0}
"""What the luck of a search does not depend on."""


@dataclass(frozen=True)
class Outcome:
    """Signs of the verdicts on two rows, 0 where none: tuning as given, and allowed for."""

    given: int
    allowed: int


def sweep(
    first: Table,
    second: Table,
    judge: Form,
    search: tuple[int, int, float],
    rng: np.random.Generator,
) -> Outcome:
    """Tune two rows, run them on the same final requests, and compare them."""
    count = first.values[judge].shape[1]
    finals = rng.integers(count, size=FINALS)
    gaps, lucks = [], []
    for table in (first, second):
        chosen, records = searched(table, judge, search, rng)
        gaps.append(table.values[judge][chosen, finals])
        lucks.append(tuning_luck(records, judge) or 0.0)
    differences = [float(value) for value in gaps[0] - gaps[1]]
    sign = int(np.sign(sum(differences)))
    p_given = sign_flip_p(differences)
    p_allowed = tuned_p(differences, float(np.hypot(*lucks)))
    return Outcome(sign * (p_given <= LEVEL), sign * (p_allowed <= LEVEL))


def searched(table: Table, judge: Form, search: Search, rng: Random) -> tuple[int, list[Record]]:
    """The candidate that a search of a row chooses, and the search's records."""
    objectives, judged = table.values[OBJECTIVE], table.values[judge]
    order = [int(each) for each in rng.permutation(objectives.shape[1])[:LOOKS]]
    chosen, ran = run_race(objectives, order, *search, rng)
    records = [
        Record(
            id=f"{candidate} {number}",
            **ANY,
            candidate=candidate,
            round=number,
            metrics={
                "objective": float(objectives[row, order[number]]),
                judge: float(judged[row, order[number]]),
            },
        )
        for candidate, number, row in ran
    ]
    return chosen, records


def neighbours(found: Sequence[Table]) -> Iterator[tuple[Table, Table]]:
    """Pairs of different methods of one cell."""
    for one, other in combinations(found, 2):
        if one.name.split(": ")[0] == other.name.split(": ")[0]:
            yield one, other


def main() -> None:
    found = given_tables()
    print(f"{len(found)} tables, objective {OBJECTIVE}, {SWEEPS} sweeps of each pair")
    titles = "".join(f"{title:>18}" for title in ("verdicts", "opposite", "tau"))
    print(f"{'':24}{'same method twice, significant':>34}{titles}")
    columns = f"{'given':>17}{'allowed':>17}" + "    given  allowed" * 3
    print(f"{'search':12}{'judged by':12}{columns}")
    for name, search in SEARCHES.items():
        for judge in JUDGES:
            rng = np.random.default_rng(0)
            if search[0] > min(len(table.values[judge]) for table in found):
                continue
            same = [
                [sweep(table, table, judge, search, rng) for _ in range(SWEEPS)] for table in found
            ]
            twice = [
                (sweep(one, other, judge, search, rng), sweep(one, other, judge, search, rng))
                for one, other in neighbours(found)
                for _ in range(SWEEPS // 4)
            ]
            cells, ends = [], []
            for kind in ("given", "allowed"):
                wrong = [fmean(getattr(o, kind) != 0 for o in each) for each in same]
                cells.append(f"{fmean(wrong):8.1%} ({max(wrong):5.1%})")
                decided = fmean(getattr(a, kind) != 0 for a, _ in twice)
                turned = fmean(getattr(a, kind) * getattr(b, kind) < 0 for a, b in twice)
                both = fmean(getattr(a, kind) * getattr(b, kind) != 0 for a, b in twice)
                tau = (both - 2 * turned) / both if both else float("nan")
                ends.append((decided, turned, tau))
            shares = "".join(f"{ends[0][k]:9.1%}{ends[1][k]:9.1%}" for k in (0, 1))
            shares += f"{ends[0][2]:9.2f}{ends[1][2]:9.2f}"
            print(f"{name:12}{judge:12}{cells[0]:>17}{cells[1]:>17}{shares}", flush=True)


if __name__ == "__main__":
    main()
