"""The report as one HTML file that needs no network: style, script, figures and records inside."""

import base64
import gzip
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mubench.data.cache.cache import cached
from mubench.data.scratch import scratch_folder
from mubench.errors import DataError, plural
from mubench.metrics.info import METRICS
from mubench.report.analysis.aggregate import COLUMNS
from mubench.report.analysis.format import method_title
from mubench.report.drawer import records_node
from mubench.report.examples import shown_examples
from mubench.report.figures.figure import FAINT, INK
from mubench.report.report import CellReport, Report
from mubench.report.tables.markdown_csv import GROUP_TITLES
from mubench.report.tables.table import CAPTION, GROUP
from mubench.store.record import Record

_BUNDLE = "vega.js.gz.base64"


def environment() -> Environment:
    """Return what renders templates: escaped, and strict about what is missing."""
    return Environment(
        loader=PackageLoader("mubench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(report: Report, *, has_files: bool = True) -> str:
    """Return the page; the same records give the same bytes.

    `has_files` says whether figures lie beside it.
    """
    figures = report.every_figure
    payloads = {
        "records": packed(records_node(report.source.name, shown(report.cells))),
        "figures": packed([figure.spec for figure in figures.values()]),
        "vega": _vega() if figures else "",
    }
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            count=plural(len(report.cells), "cell"),
            metrics=[METRICS[name] for name in COLUMNS],
            examples=shown_examples(report.cells),
            filters=_filters(report),
            texts={"caption": CAPTION, "group": GROUP, "groups": GROUP_TITLES},
            colors={"ink": INK, "faint": FAINT},
            has_files=has_files,
            payloads=payloads,
            figure_count=len(figures),
        )
    )


def shown(reports: Iterable[CellReport]) -> tuple[Record, ...]:
    """Return every record that a number on the page links to."""
    records = {
        record.id: record for one in reports for line in one.table.lines for record in line.records
    }
    return tuple(records[key] for key in sorted(records))


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
    with scratch_folder() as spare:
        try:
            folder, _ = cached(f"vega/{version('vl-convert-python')}", _bundle)
        except DataError:
            folder = spare
            _bundle(folder)
        return Markup((folder / _BUNDLE).read_text())


def _bundle(folder: Path) -> dict[str, Any]:
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    (folder / _BUNDLE).write_text(_packed(script))
    return {}


def _filters(report: Report) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what the page can be filtered by: key, title, and values with their titles."""
    rows = [row for one in report.cells for row in one.cell.methods]
    titles = {"dataset": "Data set", "model": "Model", "kind": "Scenario", "ratio": "Ratio"}
    axes = [
        *((key, title, [one.axes[key] for one in report.cells]) for key, title in titles.items()),
        ("method", "Method", [row.method for row in rows]),
        ("selection", "Rows", [row.selection for row in rows]),
    ]
    filters = [
        (key, title, [(value, _name(key, value)) for value in dict.fromkeys(values) if value])
        for key, title, values in axes
    ]
    return [axis for axis in filters if len(axis[2]) > 1]


def _name(key: str, value: str) -> str:
    return method_title(value) if key == "method" else value
