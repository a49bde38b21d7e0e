"""Numbers that a paper printed, shown beside those of a sweep. No id and no step uses them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from mubench.catalogue.files import read_file
from mubench.catalogue.validation import Strict
from mubench.catalogue.yaml_document import read_yaml
from mubench.catalogue.yaml_loader import MOST_CHARACTERS
from mubench.errors import InputError, did_you_mean
from mubench.sweep.kinds import REFERENCES

SUFFIX = ".published.yaml"
_LEAVE_OUT = " (without them: --set published=null)"
Number = Annotated[float, Field(allow_inf_nan=False)]


class Values(Strict):
    """One row: the Avg. Gap in points, the RTE in the paper's unit, the others in percent."""

    ua: Number | None = None
    mia_svc: Number | None = None
    ra: Number | None = None
    ta: Number | None = None
    gap: Number | None = Field(None, ge=0)
    rte: Number | None = Field(None, ge=0)


class CellNumbers(Strict):
    """One cell: its rows by their labels, and the unit in which the paper gives times."""

    rte_unit: Literal["s", "min", "h"] = "s"
    rows: Mapping[str, Values] = Field(min_length=1)


class Published(Strict):
    """A paper's numbers for the cells of a sweep, and their source."""

    source: str = Field(min_length=1)
    cells: Mapping[str, CellNumbers] = Field(min_length=1)

    def check(self, cells: Collection[str], rows: Collection[str]) -> None:
        """Refuse numbers of a cell or row that the sweep does not have: they would never show."""
        known = (*REFERENCES, *rows)
        for cell, numbers in self.cells.items():
            if cell not in cells:
                hint = did_you_mean(cell, cells)
                raise InputError(f"published.cells: no cell '{cell}'; {hint}{_LEAVE_OUT}")
            for row in numbers.rows:
                if row not in known:
                    hint = did_you_mean(row, known)
                    raise InputError(
                        f"published.cells.{cell}.rows: no row '{row}'; {hint}{_LEAVE_OUT}"
                    )


def read_published(name: Any, beside: Path) -> Any:
    """The published numbers of a sweep file: the name of a file is replaced by its content.

    Raises:
        InputError: the file does not exist or holds no mapping.
    """
    if not isinstance(name, str):
        return name
    path = beside.parent / name
    try:
        node = read_yaml(read_file(path, MOST_CHARACTERS).decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{beside}: published: {path}: not readable: {error}") from None
    if not isinstance(node, dict):
        raise InputError(f"{path}: published numbers are a mapping with source and cells")
    return node
