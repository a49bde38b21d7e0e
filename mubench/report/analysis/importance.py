"""Which hyperparameters decided a search: PED-ANOVA, computed by Optuna."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from mubench.report.analysis.tuning import Study
from mubench.store.record import Record

FEWEST = 10
"""Candidates below which an importance would be noise."""


def importances(studies: Sequence[Study]) -> Mapping[str, Mapping[str, float]]:
    """Return each row's shares by hyperparameter, summing to 1; rows with too few data are absent.

    A share says how much a hyperparameter alone decides whether a candidate is among the best tenth
    (Watanabe et al. 2023). Only hyperparameters that every candidate has and that varied count, and
    at least two of them. A search whose candidates all have the same objective gives no shares.
    """
    first = {study.row: study for study in reversed(studies)}  # of several searches of a row
    by_row = {
        row: _shares(study) for row, study in first.items() if len(study.objectives) >= FEWEST
    }
    return {row: shares for row, shares in by_row.items() if shares}


def _shares(study: Study) -> dict[str, float]:
    params = _params(study.records)
    objectives = [(number, value) for number, value in study.objectives if params[number]]
    if len(objectives) < FEWEST or len({value for _, value in objectives}) < 2:
        return {}
    columns = _varied([params[number] for number, _ in objectives])
    if len(columns) < 2:
        return {}
    import optuna  # here: it is slow to import, and most commands do not need it
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    distributions = {name: _distribution(column) for name, column in columns.items()}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna calls the evaluator experimental
        searched = optuna.create_study(direction="minimize")
        searched.add_trials(
            [
                optuna.trial.create_trial(
                    params={name: params[number][name] for name in columns},
                    distributions=distributions,
                    value=value,
                )
                for number, value in objectives
            ]
        )
        shares = get_param_importances(searched, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in shares.items()}


def _params(records: Sequence[Record]) -> dict[int, Mapping[str, Any]]:
    """Hyperparameters by candidate; requests of one candidate share them."""
    return {record.candidate: record.params for record in records}


def _varied(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = [name for name in rows[0] if all(name in row for row in rows)]
    columns = {name: [row[name] for row in rows] for name in sorted(names)}
    return {name: column for name, column in columns.items() if len(set(column)) > 1}


def _distribution(column: Sequence[Any]) -> Any:
    """Return the range that the values fill, logarithmic where they span more than a decade."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in column):
        return CategoricalDistribution(sorted(set(column), key=str))
    low, high = min(column), max(column)
    is_log = low > 0 and math.log10(high / low) > 1
    if all(isinstance(value, int) for value in column):
        return IntDistribution(int(low), int(high), log=is_log)
    return FloatDistribution(low, high, log=is_log)
