"""The board as a static site: pages that need no network and no server, and a file per row."""

import ast
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

from mubench.catalogue import cards, plugins
from mubench.errors import plural
from mubench.leaderboard import inline_svg
from mubench.leaderboard.badges import LEGEND
from mubench.leaderboard.board import COMPOSITE, Board, BoardCell, BoardEntry, Key
from mubench.leaderboard.ranking import NOTHING, Ranking, rank
from mubench.leaderboard.row import schema_json, to_json
from mubench.leaderboard.row_fields import SweepOrigin
from mubench.leaderboard.slug import slug
from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import COLUMNS, SELECTIONS
from mubench.report.analysis.format import format_percent, format_seconds, method_title
from mubench.report.tables.markdown_csv import GROUP_TITLES, csv_text
from mubench.report.tables.table import HEADINGS, number_text
from mubench.report.text.summary import spread_text
from mubench.sweep.kinds import RETRAIN


def site_files(board: Board) -> dict[str, bytes]:
    """Return the files of a board by name; the same rows give the same bytes."""
    ranking = rank(board)
    pages = _Pages(board, ranking)
    files = {"index.html": pages.index()}
    files |= {f"cells/{cell.slug}.html": pages.cell(cell) for cell in board.cells}
    files |= {f"methods/{slug(name)}.html": pages.method(name) for name in board.methods}
    contents = {name: text.encode() for name, text in files.items()}
    for entry in board.rows:
        contents[f"rows/{entry.row.slug}.json"] = to_json(entry.row)
        if entry.row.origin.sweep:
            contents[f"sweeps/{sweep_file(entry.row.origin)}"] = _sweep_yaml(entry.row.origin)
    contents["row.schema.json"] = schema_json()
    contents["board.csv"] = _csv(board, ranking).encode()
    return contents


def sweep_file(origin: SweepOrigin) -> str:
    """Return the name of a sweep's file on the board, unique also for two sweeps of one name."""
    digest = hashlib.sha256(_sweep_yaml(origin)).hexdigest()[:12]
    return f"{slug(origin.name)}-{digest}.yaml"


def _sweep_yaml(origin: SweepOrigin) -> bytes:
    return yaml.safe_dump(origin.sweep, sort_keys=False, allow_unicode=True).encode()


class _Pages:
    """The templates, with the parts that all pages share."""

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
            "headings": {**HEADINGS, COMPOSITE: "LUMA"},
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
        original = [row.gap.value for row in ranking.rows if row.key == NOTHING]
        order = {row.key: place for place, row in enumerate(ranking.rows)}
        matrix = _matrix(board, order)
        return self.render("index", original=original[0] if original else None, matrix=matrix)

    def cell(self, cell: BoardCell) -> str:
        references = tuple(entry for entry in (cell.retrain, cell.original) if entry)
        groups = [("reference", references), *((name, cell.group(name)) for name in SELECTIONS)]
        return self.render("cell", cell=cell, groups=[(n, rows) for n, rows in groups if rows])

    def method(self, name: str) -> str:
        places = [(cell, _places(cell, name)) for cell in self._shared["board"].cells]
        cells = [(cell, rows) for cell, rows in places if rows]
        return self.render("method", info=method_info(name), cells=cells)

    def render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(f"{name}.html.jinja").render(self._shared | values)

    def _inline(self, kind: str, *names: str) -> dict[str, Any]:
        """Text for every page, and the hash that lets a browser run this text and no other."""
        text = "\n".join(self._environment.get_template(name).render() for name in names)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        # Safe: the text is from the package's own files.
        return {kind: Markup(text), f"{kind}_hash": Markup(f"'sha256-{digest}'")}


@dataclass(frozen=True)
class _Line:
    """A line of the matrix: a row and its entry in each cell."""

    title: str
    method: str
    entries: tuple[BoardEntry | None, ...]


def _matrix(board: Board, order: Mapping[Key, int]) -> list[tuple[str, list[_Line]]]:
    """Return the lines of the matrix by group: the original, tuned, defaults; each as ranked."""
    rows = {entry.key: entry.row for cell in board.cells for entry in cell.rows}
    keys = sorted(rows, key=lambda key: (order.get(key, len(order)), key))
    lines = {
        key: _Line(
            rows[key].title, rows[key].method, tuple(cell.entry(key) for cell in board.cells)
        )
        for key in keys
        if rows[key].method != RETRAIN
    }
    groups = {"reference": "", "tuned": "tuned", "default": "default"}
    of_groups = [
        (name, [line for key, line in lines.items() if key[1] == selection and any(line.entries)])
        for name, selection in groups.items()
    ]
    return [(name, of_group) for name, of_group in of_groups if of_group]


def _places(cell: BoardCell, method: str) -> list[tuple[BoardEntry, int, int]]:
    """Return the rows of a method in a cell, each with its place (0: none) and the last place."""
    places = []
    for entry in cell.methods:
        if entry.row.method == method:
            group = [other for other in cell.group(entry.row.selection) if other.is_complete]
            gaps = [other.estimates["gap"].mean for other in group]
            is_ranked = entry.is_complete
            place = sum(g < entry.estimates["gap"].mean for g in gaps) + 1 if is_ranked else 0
            places.append((entry, place, len(gaps)))
    return places


def _param(value: Any) -> str:
    """Return a hyperparameter as a sweep file has it."""
    return value if isinstance(value, str) else json.dumps(value)


def _csv(board: Board, ranking: Ranking) -> str:
    """Return one line per row: means and spreads in fractions and seconds, badges in words."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ranks: Mapping[Key, float] = {row.key: row.rank.value for row in ranking.rows}
    numbers = [f"{column}{part}" for column in COLUMNS for part in ("", "_sd")]
    names = ["cell", "row", "selection", "average_rank", "requests", "expected"]
    writer.writerow([*names, *numbers, "badges", "sweep", "newest"])
    for entry in board.rows:
        row = entry.row
        average = f"{ranks[entry.key]:.4f}" if entry.key in ranks else ""
        badges = "; ".join(badge.text for badge in entry.badges)
        fields = [row.cell, row.row, row.selection or "reference", average]
        fields += [str(len(row.requests)), str(row.expected), *_numbers(entry)]
        fields += [badges, row.origin.name, row.newest.isoformat()]
        writer.writerow(map(csv_text, fields))
    return out.getvalue()


def _numbers(entry: BoardEntry) -> list[str]:
    """Return mean and spread of each column, to all digits; empty where there is no number."""
    estimates = (entry.estimates.get(column) for column in COLUMNS)
    values = [x for one in estimates for x in ((one.mean, one.spread) if one else (None, None))]
    return ["" if value is None else repr(value) for value in values]


@dataclass(frozen=True)
class MethodInfo:
    """A method's description from its card and file; without a card only its name."""

    name: str
    title: str
    line: str = ""
    paper: str = ""
    caveat: str = ""


def method_info(name: str) -> MethodInfo:
    """Return the description of a method; its file is parsed, not run."""
    card = cards.find_method(name)
    if card is None:
        return MethodInfo(name, name)
    return MethodInfo(name, card.title, _first_line(name), card.paper, card.caveat)


def _first_line(name: str) -> str:
    plugin = plugins.find_plugin("methods", name)
    path = cards.PACKAGE / "methods" / f"{name}.py"
    source = plugin.source if plugin else path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return " ".join(docstring.partition("\n\n")[0].split())
