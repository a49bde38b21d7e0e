"""Rows from files, checked: each problem is one line with the file and the field."""

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mubench.catalogue.validation import OWN_ERROR, error_text
from mubench.data.atomic import read_file
from mubench.errors import InputError, one_line
from mubench.leaderboard.row import CHECKSUM, FORMAT, BoardRow, checksum_of
from mubench.store.sealed import is_text

ROWS = "rows"
"""The folder of a board that holds its rows."""
_LONGEST = 200


def read_rows(paths: Iterable[Path]) -> tuple[BoardRow, ...]:
    """Return the rows of files and folders, all of them checked.

    Raises:
        InputError: the first problem.
    """
    rows = []
    for path in row_files(paths):
        row, problems = read_row(path)
        if row is None or problems:
            raise InputError(problems[0])
        rows.append(row)
    return tuple(rows)


def row_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files of rows below the paths; of a board the files in its folder of rows.

    Raises:
        InputError: a path does not exist, or a folder has no row.
    """
    all_files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        folder = path / ROWS if (path / ROWS).is_dir() else path
        files = [path] if path.is_file() else sorted(folder.rglob("*.json"))
        if not files:
            raise InputError(f"{path}: no rows in it; a row is a .json file")
        all_files += files
    return all_files


def read_row(path: Path) -> tuple[BoardRow | None, list[str]]:
    """Return the row of a file, None where it cannot be read, and its problems, one line each."""
    try:
        content = read_file(path)
        node = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        return None, [f"{path}: not JSON: {' '.join(str(error).split())}"]
    if not is_text(content):
        return None, [f"{path}: text that is not Unicode (half of a surrogate pair)"]
    if isinstance(node, dict) and isinstance(node.get("format"), int) and node["format"] > FORMAT:
        advice = f"this mubench reads {FORMAT}; update it"
        return None, [f"{path}: format: {node['format']} is newer: {advice}"]
    stated = node.pop(CHECKSUM, None) if isinstance(node, dict) else None
    try:
        row = BoardRow.model_validate(node)
    except ValidationError as error:
        return None, [f"{path}: {line}" for line in problems_of(error)]
    if stated is not None and stated != checksum_of(row):
        return row, [
            f"{path}: {CHECKSUM}: does not match: the row is damaged, or was changed by hand; "
            f"leave {CHECKSUM} out if that was meant"
        ]
    if path.name != f"{row.slug}.json":
        return row, [f"{path}: file name: must be {row.slug}.json, after cell, row and selection"]
    return row, []


def problems_of(error: ValidationError) -> list[str]:
    """Return each problem as `requests.2.ua: 1.3 is not a fraction in [0, 1]`."""
    return list(dict.fromkeys(one_line(_line(problem)) for problem in error.errors()))


def _line(error: ErrorDetails) -> str:
    path = ".".join(map(str, error["loc"]))
    path = path if len(path) < _LONGEST else path[: _LONGEST - 3] + "..."
    text = error["msg"] if error["type"] == "fraction" else error_text(error)
    if not path:
        return text
    return f"{path}.{text}" if error["type"] == OWN_ERROR else f"{path}: {text}"
