"""The sweeps of the paper, and the numbers that it printed, beside those measured."""

import csv
import io
from dataclasses import replace

import pytest
import yaml
from conftest import changed
from report_world import CELLS, world

from mubench.catalogue import cards
from mubench.catalogue.yaml_document import read_yaml
from mubench.cli import listing
from mubench.errors import InputError
from mubench.report.analysis.aggregate import aggregate
from mubench.report.build import build
from mubench.report.tables.table import table
from mubench.store.results import outline
from mubench.store.results_files import pack, unpack
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.published import Published
from mubench.sweep.steps import refusal_of

PAPER = [name for name in load.shipped_sweeps() if name.startswith("paper/")]
PRINTED = ("cifar100_class", "cifar100_random", "imagenet_class", "tiny_imagenet_random")
MAIN = ("ft", "ga", "iu", "ugradsl", "ugradsl_plus")


EXPERIMENTS = {
    ("celeba", "resnet18_imagenet"): {"group-0.1"},
    ("cifar10", "resnet18"): {"class", "random-0.1"},
    ("cifar10", "vgg16_bn"): {"random-0.1"},
    ("cifar10", "vit_small"): {"random-0.1"},
    ("cifar20", "resnet18"): {"group"},
    ("cifar100", "resnet18"): {"class", "random-0.1"},
    ("imagenet", "resnet18_imagenet"): {"class"},
    ("newsgroups", "bert_base"): {"class", "random-0.1"},
    ("newsgroups_topics", "bert_base"): {"group"},
    ("svhn", "resnet18"): {"class", "random-0.1"},
    ("tiny_imagenet", "resnet18"): {"random-0.1"},
}
"""Scenarios of the paper's tables by data set and model."""


def test_every_table_of_the_paper_has_a_sweep():
    cells = [cell for name in PAPER for cell in load.load(name).spec.grid.cells]
    asked = {(data.name, model.name, forget.label) for data, model, forget in cells}
    wanted = {(*where, label) for where, labels in EXPERIMENTS.items() for label in labels}
    assert asked == wanted
    assert len(cells) == len(wanted), "each in one sweep"


@pytest.mark.parametrize("name", PAPER)
def test_a_sweep_of_the_paper_plans_with_six_requests_and_refuses_nothing(name):
    loaded = load.load(name)
    plan = make_plan(loaded.spec, "cuda")
    finals = {s.request.name for s in plan.steps.values() if s.kind == "final"}
    assert len(finals) == 6
    trials = 10 if name == "paper/imagenet_class" else 30
    assert {study.trials for study in plan.studies.values()} == {trials}
    assert tuple(row.label for row in loaded.spec.rows)[:5] == MAIN
    assert not [step.title for step in plan.steps.values() if refusal_of(step)]
    assert loaded.spec.resources.search.gpu <= 0.5 < loaded.spec.resources.train.gpu
    assert (loaded.spec.published is not None) is (name.removeprefix("paper/") in PRINTED)


@pytest.mark.parametrize("name", PAPER)
def test_a_sweep_of_the_paper_says_first_what_it_is(name):
    head = load.find(name).read_text().partition("name:")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    for word in ("arXiv 2406.07698", "Data: ", "Hardware: ", "unknown"):
        assert word in head.replace("\n# ", " ")


def test_published_numbers_are_no_sweep():
    folder = cards.search_spaces() / "paper"
    files = sorted(path.name for path in folder.glob("*.published.yaml"))
    assert files == [f"{name}.published.yaml" for name in PRINTED]
    assert not [name for name in load.shipped_sweeps() if "published" in name]
    for file in files:
        found = Published.model_validate(read_yaml((folder / file).read_text(), file))
        assert "read against the paper before citing" in found.source


def test_sweeps_of_the_paper_are_found_and_listed_by_name():
    path = cards.search_spaces() / "paper" / "cifar10_class.yaml"
    assert load.find("paper/cifar10_class") == load.find("cifar10_class") == path
    entries = {entry["name"]: entry for entry in listing.entries("sweeps")}
    assert entries["paper/cifar10_class"]["title"] == "cifar10_class"
    assert entries.keys() == set(load.shipped_sweeps())
    with pytest.raises(InputError) as caught:
        load.find("paper/cifar10_clas")
    assert str(caught.value) == (
        "paper/cifar10_clas: no such sweep; did you mean 'paper/cifar10_class'?"
    )


# --- published numbers -----------------------------------------------------------------------


def test_the_numbers_of_a_file_reach_the_report_from_the_store_and_from_artifacts():
    loaded = load.load("paper/cifar100_class")
    source = outline(make_plan(loaded.spec, "cuda"), loaded)
    values = source.published.cells["cifar100/resnet18/class"]
    assert (values.rte_unit, values.rows["ugradsl_plus"].gap) == ("min", 0.64)
    assert values.rows["retrain"].model_dump(exclude_none=True) == {"rte": 26.95}
    assert unpack(pack(source)) == source


def test_without_published_numbers_the_files_of_a_run_are_what_they_were():
    assert b"published" not in pack(world())["plan.json"]
    assert unpack(pack(world())).published is None


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


NUMBERS = Published.model_validate(
    {
        "source": "A <paper> & co, table 3",
        "cells": {
            CELLS[0]: {
                "rte_unit": "min",
                "rows": {
                    "retrain": {"rte": 26.95},
                    "ft": {"gap": 43.12, "rte": 1.74},
                    "ugradsl": {"gap": 0.1},
                },
            }
        },
    }
)
BESIDE = replace(world(), published=NUMBERS)


def test_a_papers_numbers_stand_beside_tuned_rows_and_references():
    first, second = aggregate(BESIDE)
    printed = table(first, BESIDE.published)
    assert printed.paper == ("Avg. Gap, paper", "RTE, paper")
    held = {(line.name, line.group): dict(line.paper) for line in printed.lines if line.paper}
    assert held == {
        ("retrain", "reference"): {"RTE, paper": "26.95 min"},
        ("ft", "tuned"): {"Avg. Gap, paper": "43.12", "RTE, paper": "1.74 min"},
        ("ugradsl", "tuned"): {"Avg. Gap, paper": "0.10"},
    }
    assert table(second, BESIDE.published) == table(second)


def test_a_row_that_has_nothing_to_search_has_them_beside_its_defaults():
    records = tuple(r for r in world().records if r.selection != "tuned" or r.row != "ft")
    expected = {key: n for key, n in world().expected.items() if key[1:] != ("ft", "tuned")}
    source = replace(BESIDE, records=records, expected=expected)
    printed = table(aggregate(source)[0], source.published)
    assert [line.group for line in printed.lines if line.name == "ft" and line.paper] == ["default"]


def test_every_format_shows_them_and_says_whose_they_are(tmp_path):
    build(BESIDE, tmp_path)
    markdown = (tmp_path / "main.md").read_text()
    ft = next(line for line in markdown.splitlines() if line.startswith("| FT | tuned"))
    assert "| Avg. Gap | RTE (s) | Group | Avg. Gap, paper | RTE, paper | n |" in markdown
    assert ft.endswith("| 43.12 | 1.74 min | 3/3 |")
    assert "Paper: A &lt;paper&gt; & co, table 3" in markdown.replace("&amp;", "&")
    latex = (tmp_path / "main.tex").read_text()
    assert "in brackets the paper's number" in latex
    assert r"{\tiny[43.12]} & " in latex
    assert r"{\tiny[1.74 min]} & 3/3 \\" in latex
    assert r"\par Paper: A \textless{}paper\textgreater{} \& co, table 3" in latex
    rows = list(csv.DictReader(io.StringIO((tmp_path / "main.csv").read_text())))
    by_name = {(r["cell"], r["row"], r["selection"]): r for r in rows}
    assert by_name[CELLS[0], "ft", "tuned"]["Avg. Gap, paper"] == "43.12"
    assert by_name[CELLS[0], "ft", "default"]["Avg. Gap, paper"] == ""
    assert by_name[CELLS[1], "ft", "tuned"]["RTE, paper"] == ""
    page = (tmp_path / "index.html").read_text()
    assert page.count('<span class="under">paper 43.12</span>') == 1
    assert page.count('<span class="under">paper 1.74 min</span>') == 1
    assert "Paper: A &lt;paper&gt; &amp; co, table 3" in page
