"""The report as one HTML file that needs no network: style, script, figures and records inside."""

import base64
import gzip
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mubench.data.cache.cache import cached
from mubench.errors import DataError
from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import COLUMNS
from mubench.report.analysis.tuning import BUDGETS
from mubench.report.figures.figure import FAINT, INK
from mubench.report.format import p_text, points, row_title, seconds
from mubench.report.page.drawer import records_node
from mubench.report.report import Block, Report
from mubench.report.tables.all_metrics import AIMS, more_metrics
from mubench.report.tables.markdown_csv import GROUP_TITLES
from mubench.report.tables.table import CAPTION, GROUP
from mubench.report.text.overview import glance
from mubench.report.text.provenance import REIMPLEMENTATION, conditions
from mubench.store.examples import CellExhibits, Oddity
from mubench.store.record import Record

_BUNDLE = "vega.js.gz.base64"
LARGEST_PICTURES = 2**20
"""Characters of pictures in a page; cells beyond it show their examples in words."""


def page(report: Report, *, has_files: bool = True) -> str:
    """Return the page; the same records give the same bytes.

    `has_files` says whether figures lie beside it.
    """
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("mubench.report.page"), PackageLoader("mubench.report")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(points=points, seconds=seconds, row_title=row_title, p_text=p_text)
    figures = report.every_figure
    return environment.get_template("page.html.jinja").render(
        source=report.source,
        report=report,
        blocks=report.blocks,
        aims=AIMS,
        budgets=BUDGETS,
        caption=CAPTION,
        columns=COLUMNS,
        group=GROUP,
        group_titles=GROUP_TITLES,
        by_row=_by_row,
        glance=glance,
        has_files=has_files,
        more=more_metrics,
        pictured=_pictured(report.blocks),
        filters=_filters(report),
        metrics=all_metrics(),
        conditions=conditions(report.source),
        reimplementation=REIMPLEMENTATION,
        payload_records=packed(records_node(report.source.name, shown(report.blocks))),
        payload_figures=packed([figure.spec for figure in figures.values()]),
        ink=INK,
        faint=FAINT,
        payload_vega=_vega() if figures else "",
    )


def shown(blocks: Iterable[Block]) -> tuple[Record, ...]:
    """Return every record that a number on the page opens."""
    held = {
        record.id: record
        for block in blocks
        for line in block.table.lines
        for record in line.records
    }
    return tuple(held[key] for key in sorted(held))


def packed(node: Any) -> Markup:
    """Return JSON, compressed, as text that is safe in any element and always the same."""
    return _packed(json.dumps(node, allow_nan=False, separators=(",", ":")))


def _packed(text: str) -> Markup:
    return Markup(base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode())


@cache
def _vega() -> Markup:
    """Vega, Vega-Lite and Vega-Embed as one script; it runs when the first figure is in view.

    Bundling takes seconds: the cache keeps it. A report needs no cache, so it may be unwritable.
    """
    with TemporaryDirectory() as spare:
        try:
            folder, _ = cached(f"vega/{version('vl-convert-python')}", _bundle)
        except DataError:
            folder = Path(spare)
            _bundle(folder)
        return Markup((folder / _BUNDLE).read_text())


def _bundle(folder: Path) -> dict[str, Any]:
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    (folder / _BUNDLE).write_text(_packed(script))
    return {}


def _pictured(blocks: Iterable[Block]) -> set[str]:
    """Return the cells whose pictures the page has room for."""
    room, found = LARGEST_PICTURES, set()
    for block in blocks:
        size = sum(map(len, block.exhibits.media.values())) if block.exhibits else 0
        if 0 < size <= room:
            room -= size
            found.add(block.cell.name)
    return found


def _by_row(exhibits: CellExhibits) -> list[tuple[str, list[Oddity]]]:
    """Return the oddities of each row, in their order."""
    found: dict[str, list[Oddity]] = {}
    for odd in exhibits.oddities:
        found.setdefault(odd.row, []).append(odd)
    return list(found.items())


def _filters(report: Report) -> list[tuple[str, str, list[str]]]:
    """Return what the page can be filtered by: key, title, and the values that there are."""
    cells = [block.cell for block in report.blocks]
    axes = [
        ("dataset", "Data set", [cell.dataset for cell in cells]),
        ("model", "Model", [cell.model for cell in cells]),
        ("kind", "Scenario", [cell.kind for cell in cells]),
        ("ratio", "Ratio", [f"{cell.ratio:g}" for cell in cells if cell.ratio is not None]),
        ("method", "Method", [row.method for cell in cells for row in cell.methods]),
        ("selection", "Rows", [row.selection for cell in cells for row in cell.methods]),
    ]
    unique = [(key, title, list(dict.fromkeys(values))) for key, title, values in axes]
    return [axis for axis in unique if len(axis[2]) > 1]
