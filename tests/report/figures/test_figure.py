"""Looks of rows, and inks of themes."""

import json
from types import SimpleNamespace

from mubench.report.figures.figure import INK, row_styles
from tests.support.report_page import unpacked


def test_a_figure_has_its_own_ink_as_a_file_and_the_themes_in_the_page(written, html):
    for path in written.files:
        if path.suffix == ".svg":
            assert f'"{INK}"' in path.read_text()
            assert "id=" not in path.read_text(), "ids of two figures in one page would clash"
    specs = json.loads(unpacked(html, "figures"))
    assert len(specs) == 6
    assert all(INK in json.dumps(spec) for spec in specs)
    assert f'const INK = "{INK}"' in html, "which the page puts its own colour in the place of"


def test_thirty_rows_look_different_and_keep_their_looks_where_some_are_left_out():
    rows = [SimpleNamespace(title=f"m{k}", method=f"m{k}") for k in range(30)]
    cell = SimpleNamespace(methods=rows)

    def of(names):
        found = row_styles([cell], names)
        ranges = (scale["range"] for scale in (found.color, found.shape, found.dash))
        return dict(zip(names, zip(*ranges, strict=True), strict=True))

    every = of([row.title for row in rows])
    assert len({(color, shape) for color, shape, _ in every.values()}) == 30
    assert len({(color, tuple(dash)) for color, _, dash in every.values()}) == 30
    some = [row.title for row in rows[3::5]]
    assert of(some) == {name: every[name] for name in some}
