"""Post-hoc metrics of records: one Parquet file per metric and code id."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from mubench.errors import IntegrityError
from mubench.store.files import Files
from mubench.store.record import Record
from mubench.store.sealed import from_parquet, to_parquet

FOLDER = "scores"
_COLUMNS = ("id", "value", "inputs", "created")


@dataclass(frozen=True)
class Score:
    """A metric's value of one record."""

    value: float | None
    """None where an outdated value was removed."""
    inputs: str
    """An id of the outputs that it was computed from; another Retrain changes it."""
    created: str
    """ISO 8601, UTC."""


class Scores:
    """Post-hoc metrics; records themselves never change.

    The id of a metric's code is part of its file's name: a metric whose code changed is computed
    again, and the old values are kept.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, metric: str, code: str) -> dict[str, Score]:
        """The scores of a metric under one code, by the record's id."""
        return self._read(_name(metric, code))

    def write(self, metric: str, code: str, scores: Mapping[str, Score]) -> None:
        """Replace the scores of a metric under one code."""
        ordered = [(key, *_cells(scores[key])) for key in sorted(scores)]
        columns = zip(*ordered, strict=True)
        table = pa.table(dict(zip(_COLUMNS, map(list, columns), strict=True)))
        self._files.write(_name(metric, code), to_parquet(table, compression="zstd"))

    def newest(self, metric: str) -> dict[str, Score]:
        """The scores of a metric by the record's id: the newest of all codes."""
        latest: dict[str, Score] = {}
        for name in self._files.list(f"{FOLDER}/{metric}", ".parquet"):
            for key, score in self._read(name).items():
                if key not in latest or latest[key].created <= score.created:
                    latest[key] = score
        return latest

    def add_to(self, records: Mapping[str, Record]) -> dict[str, Record]:
        """Records by id with their post-hoc metrics."""
        names = {name.split("/")[1] for name in self._files.list(FOLDER, ".parquet")}
        values: dict[str, dict[str, float]] = {}
        for metric in sorted(names):
            for key, score in self.newest(metric).items():
                if score.value is not None:
                    values.setdefault(key, {})[metric] = score.value
        return {key: _with(record, values.get(key, {})) for key, record in records.items()}

    def _read(self, name: str) -> dict[str, Score]:
        try:
            content = self._files.read(name)
        except FileNotFoundError:
            return {}
        where = self._files.path(name)
        try:
            table = from_parquet(content, where)
        except IntegrityError as error:
            raise IntegrityError(
                f"{error}; set it aside with 'mubench store repair' and run 'mubench score' again"
            ) from None
        if set(table.column_names) != set(_COLUMNS):
            raise IntegrityError(f"{where}: other columns than {', '.join(_COLUMNS)}")
        columns = [table[column].to_pylist() for column in _COLUMNS]
        return {key: Score(*cells) for key, *cells in zip(*columns, strict=True)}


def _cells(score: Score) -> tuple[float | None, str, str]:
    return (score.value, score.inputs, score.created)


def _with(record: Record, values: Mapping[str, float]) -> Record:
    return replace(record, metrics={**record.metrics, **values}) if values else record


def _name(metric: str, code: str) -> str:
    return f"{FOLDER}/{metric}/{code}.parquet"
