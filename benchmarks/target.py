"""Is the target Retrain of the same population as the Retrains of the noise floor?

    mubench run benchmarks/pools/target.yaml --store STORE --no-mlflow
    python benchmarks/target.py STORE

Printed, in points: for each form of the gap the mean distance of all rows to the target, to the
other Retrains of the same requests, and the mean difference with its standard error over requests.
"""

import argparse
from collections import defaultdict
from statistics import fmean, stdev

from helpers.made_up import made_up_records
from helpers.smoke import IS_SMOKE

from mubench.metrics.gap import FORMS, Form, gap
from mubench.store.record import Record
from mubench.store.store import Store


def distance(record: Record, other: Record, form: Form) -> float:
    return gap(record.metrics, other.metrics, form).value


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", nargs="?" if IS_SMOKE else None)
    store = parser.parse_args().store
    records = made_up_records("target") if IS_SMOKE else Store(store).records.read().values()
    retrains: defaultdict[str, dict[int, Record]] = defaultdict(dict)
    for record in records:
        if record.kind == "retrain" and record.purpose == "final":
            retrains[record.request][record.replica] = record
    rows = [r for r in records if r.kind == "final" and r.status == "ok" and r.row != "original"]
    print(f"{len(rows)} records of rows, {len(retrains)} requests")
    for form in FORMS:
        target, others, differences = [], [], []
        for request, by_replica in retrains.items():
            of_request = [row for row in rows if row.request == request]
            near = fmean(distance(row, by_replica[0], form) for row in of_request)
            far = fmean(
                distance(row, by_replica[k], form) for k in by_replica if k for row in of_request
            )
            target.append(near)
            others.append(far)
            differences.append(far - near)
        error = stdev(differences) / len(differences) ** 0.5
        nearer = sum(d > 0 for d in differences)
        print(
            f"{form:14} to the target {100 * fmean(target):5.2f}, to the others "
            f"{100 * fmean(others):5.2f}, difference {100 * fmean(differences):5.2f} +- "
            f"{100 * error:4.2f}; the target is nearer in {nearer} of {len(differences)}"
        )


if __name__ == "__main__":
    main()
