"""The board as a static site: pages that need no network and no server, and a file a row."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mubench.errors import plural
from mubench.leaderboard import inline_svg
from mubench.leaderboard.about import about
from mubench.leaderboard.badges import LEGEND
from mubench.leaderboard.board import Board, BoardCell, Placed
from mubench.leaderboard.ranking import NOTHING, Key, Ranking, rank
from mubench.leaderboard.row import schema_json, to_json
from mubench.leaderboard.row_fields import SweepOrigin
from mubench.leaderboard.slug import slug
from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import COLUMNS, SELECTIONS
from mubench.report.format import format_percent, format_seconds, method_title
from mubench.report.tables.markdown_csv import GROUP_TITLES, csv_text
from mubench.report.tables.table import HEADINGS, number_text
from mubench.report.text.summary import spread_text
from mubench.sweep.kinds import RETRAIN


def site(board: Board) -> dict[str, bytes]:
    """Return the files of a board by name; the same rows give the same bytes."""
    ranking = rank(board)
    pages = _Pages(board, ranking)
    files = {"index.html": pages.index()}
    files |= {f"cells/{cell.slug}.html": pages.cell(cell) for cell in board.cells}
    files |= {f"methods/{slug(name)}.html": pages.method(name) for name in board.methods}
    contents = {name: text.encode() for name, text in files.items()}
    for held in board.rows:
        contents[f"rows/{held.row.slug}.json"] = to_json(held.row)
        if held.row.origin.sweep:
            contents[f"sweeps/{sweep_file(held.row.origin)}"] = _sweep_yaml(held.row.origin)
    contents["row.schema.json"] = schema_json()
    contents["board.csv"] = _csv(board, ranking).encode()
    return contents


def sweep_file(origin: SweepOrigin) -> str:
    """Return the name of a sweep's file on the board: two sweeps of one name have two."""
    digest = hashlib.sha256(_sweep_yaml(origin)).hexdigest()[:12]
    return f"{slug(origin.name)}-{digest}.yaml"


def _sweep_yaml(origin: SweepOrigin) -> bytes:
    return yaml.safe_dump(origin.sweep, sort_keys=False, allow_unicode=True).encode()


class _Pages:
    """The templates, with what all pages share."""

    def __init__(self, board: Board, ranking: Ranking) -> None:
        self._environment = Environment(
            loader=ChoiceLoader(
                [PackageLoader("mubench.leaderboard"), PackageLoader("mubench.report")]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            percent=format_percent,
            seconds=format_seconds,
            method_title=method_title,
            number_text=number_text,
            spread_text=spread_text,
            slug=slug,
            sweep_file=sweep_file,
            param=_param,
        )
        self._shared: dict[str, Any] = {
            "board": board,
            "ranking": ranking,
            "columns": COLUMNS,
            "headings": HEADINGS,
            "metrics": all_metrics(),
            "group_titles": GROUP_TITLES,
            "legend": LEGEND,
            "draw": inline_svg,
            "plural": plural,
            **self._inline("style", "base.css", "board.css"),
            **self._inline("script", "board.js", "theme.js"),
        }

    def index(self) -> str:
        board, ranking = self._shared["board"], self._shared["ranking"]
        nothing = [held.gap.value for held in ranking.rows if held.key == NOTHING]
        order = {held.key: place for place, held in enumerate(ranking.rows)}
        matrix = _matrix(board, order)
        return self.render("index", nothing=nothing[0] if nothing else None, matrix=matrix)

    def cell(self, cell: BoardCell) -> str:
        references = tuple(held for held in (cell.retrain, cell.original) if held)
        groups = [("reference", references), *((name, cell.group(name)) for name in SELECTIONS)]
        return self.render("cell", cell=cell, groups=[(n, rows) for n, rows in groups if rows])

    def method(self, name: str) -> str:
        found = [(cell, _places(cell, name)) for cell in self._shared["board"].cells]
        return self.render(
            "method", about=about(name), found=[(c, rows) for c, rows in found if rows]
        )

    def render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(f"{name}.html.jinja").render(self._shared | values)

    def _inline(self, kind: str, *names: str) -> dict[str, Any]:
        """Text for every page, and the hash that lets a browser run this text and no other."""
        text = "\n".join(self._environment.get_template(name).render() for name in names)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        # It is ours, out of the package's own files.
        return {kind: Markup(text), f"{kind}_hash": Markup(f"'sha256-{digest}'")}


@dataclass(frozen=True)
class _Line:
    """A row of the matrix: one label under one selection, with its place in each cell."""

    title: str
    method: str
    placed: tuple[Placed | None, ...]


def _matrix(board: Board, order: Mapping[Key, int]) -> list[tuple[str, list[_Line]]]:
    """Return the lines of the matrix by group: the original, tuned, defaults; each as ranked."""
    rows = {(p.row.row, p.row.selection): p.row for c in board.cells for p in c.rows}
    keys = sorted(rows, key=lambda key: (order.get(key, len(order)), key))
    lines = {
        key: _Line(
            rows[key].title, rows[key].method, tuple(cell.find(*key) for cell in board.cells)
        )
        for key in keys
        if rows[key].method != RETRAIN
    }
    groups = {"reference": "", "tuned": "tuned", "default": "default"}
    found = [
        (name, [line for key, line in lines.items() if key[1] == selection and any(line.placed)])
        for name, selection in groups.items()
    ]
    return [(name, held) for name, held in found if held]


def _places(cell: BoardCell, method: str) -> list[tuple[Placed, int, int]]:
    """Return the rows of a method in a cell, each with its place (0: none) among how many."""
    found = []
    for held in cell.methods:
        if held.row.method == method:
            group = [other for other in cell.group(held.row.selection) if other.is_complete]
            gaps = [other.estimates["gap"].mean for other in group]
            place = sum(g < held.estimates["gap"].mean for g in gaps) + 1 if held.is_complete else 0
            found.append((held, place, len(gaps)))
    return found


def _param(value: Any) -> str:
    """Return a hyperparameter as a sweep file has it."""
    return value if isinstance(value, str) else json.dumps(value)


def _csv(board: Board, ranking: Ranking) -> str:
    """Return a line a row: means and spreads in fractions and seconds, badges in words."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ranks: Mapping[tuple[str, str], float] = {row.key: row.rank.value for row in ranking.rows}
    numbers = [f"{column}{part}" for column in COLUMNS for part in ("", "_sd")]
    names = ["cell", "row", "selection", "average_rank", "requests", "expected"]
    writer.writerow([*names, *numbers, "badges", "sweep", "newest"])
    for held in board.rows:
        row, key = held.row, (held.row.row, held.row.selection)
        average = f"{ranks[key]:.4f}" if key in ranks else ""
        said = "; ".join(badge.text for badge in held.badges)
        fields = [row.cell, row.row, row.selection or "reference", average]
        fields += [str(len(row.requests)), str(row.expected), *_numbers(held)]
        fields += [said, row.origin.name, row.newest.isoformat()]
        writer.writerow(map(csv_text, fields))
    return out.getvalue()


def _numbers(held: Placed) -> list[str]:
    """Return mean and spread of each column, to all digits; empty where there is no number."""
    found = (held.estimates.get(column) for column in COLUMNS)
    values = [x for one in found for x in ((one.mean, one.spread) if one else (None, None))]
    return ["" if value is None else repr(value) for value in values]
