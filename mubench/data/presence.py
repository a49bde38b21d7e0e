"""Whether data sets are where they should be: asked before anything starts. No torch."""

from collections.abc import Iterable
from pathlib import Path

from mubench import catalogue
from mubench.data.parquet import data_folder


def require_data(names: Iterable[str], data_dir: str | None) -> None:
    """Raise DataError, which says what to put where, if a data set's folder is missing."""
    for name in sorted(set(names)):
        if catalogue.dataset(name).source == "parquet":
            data_folder(name, Path(data_dir) if data_dir else None)
