"""Numbers that a paper printed, as a file beside its sweep."""

import pytest
import yaml

from mubench.catalogue import cards
from mubench.catalogue.yaml_document import read_yaml
from mubench.errors import InputError
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.published import Published
from tests.support.printed_numbers import PRINTED
from tests.support.small_sweep import changed


def test_published_numbers_are_no_sweep():
    folder = cards.search_spaces() / "paper"
    files = sorted(path.name for path in folder.glob("*.published.yaml"))
    assert files == [f"{name}.published.yaml" for name in PRINTED]
    assert not [name for name in load.shipped_sweeps() if "published" in name]
    for file in files:
        found = Published.model_validate(read_yaml((folder / file).read_text(), file))
        assert "read against the paper before citing" in found.source


def test_published_numbers_change_no_id(sweep):
    numbers = printed_in(gap=1.0)
    plain = make_plan(load.parse(sweep, "x"))
    beside = make_plan(load.parse(changed(sweep, published=numbers), "x"))
    assert plain.steps == beside.steps
    assert beside.published.cells[CELL].rows["ft"].gap == 1.0


CELL = "digits[flip_labels=0.2]/small_cnn/class"


def printed_in(cell=CELL, row="ft", **values):
    return {"source": "x", "cells": {cell: {"rows": {row: values}}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{sweep}: published: {file}: not readable: "),
        ("[", "{file}:1:2: not YAML: "),
        ([1], "{file}: published numbers are a mapping with source and cells"),
        ({"cells": {}}, "{sweep}: published.source: missing"),
        ({"source": "x", "cells": {}}, "{sweep}: published.cells: "),
        ({"sells": {}}, "{sweep}: published.sells: unknown key; did you mean 'cells'?"),
        (
            printed_in(CELL[:-1], gap=1),
            f"{{sweep}}: published.cells: no cell '{CELL[:-1]}'; did you mean '{CELL}'? "
            "(without them: --set published=null)",
        ),
        (
            printed_in(row="fd", gap=1),
            f"{{sweep}}: published.cells.{CELL}.rows: no row 'fd'; known: ",
        ),
        (
            printed_in(gab=1),
            f"{{sweep}}: published.cells.{CELL}.rows.ft.gab: unknown key; did you mean 'gap'?",
        ),
        (
            printed_in(gap=-1),
            f"{{sweep}}: published.cells.{CELL}.rows.ft.gap: must be at least 0.0; got -1",
        ),
        (
            {"source": "x", "cells": {CELL: {"rte_unit": "d", "rows": {"ft": {}}}}},
            f"{{sweep}}: published.cells.{CELL}.rte_unit: 's', 'min' or 'h' is needed; got 'd'",
        ),
    ],
)
def test_a_wrong_file_of_published_numbers_is_one_line(sweep, content, message, tmp_path):
    file, path = tmp_path / "numbers.yaml", tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({**sweep, "published": "numbers.yaml"}))
    if content is not None:
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(InputError) as caught:
        load.load(str(path))
    line = path.read_text().splitlines().index("published: numbers.yaml") + 1
    place = path if content is None else f"{path}:{line}:1"
    assert str(caught.value).startswith(message.format(sweep=place, file=file))
    assert "\n" not in str(caught.value)
    assert load.load(str(path), ["published=null"]).spec.published is None
