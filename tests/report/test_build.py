"""A report's files: whole, the same bytes in any order, old ones deleted."""

import csv
import io
import os
import subprocess
import sys
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from mubench.errors import InputError
from mubench.report.build import build
from mubench.store.results import SweepResults
from mubench.store.results_files import FILES
from mubench.store.sums import SUMS, problems_of_folder
from mubench.store.table import table_to_records
from tests.support.printed_numbers import BESIDE
from tests.support.report_page import elements, records_of
from tests.support.report_world import CELLS, finals, retrains, searches, shuffled, world


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


HOSTILE = "</script ><img src=x onerror=alert(1)>\"'&|_%$#{}~^\\ \n=1+1"


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_figure_that_somebody_changed_is_drawn_again(tmp_path, suffix):
    build(world(), tmp_path)
    path = next(iter(sorted(tmp_path.glob(f"figures/*.{suffix}"))))
    drawn = path.read_bytes()
    path.write_bytes(drawn.replace(b"font", b"tnof") + b"\0" * (suffix == "png"))
    assert path.read_bytes() != drawn
    build(world(), tmp_path)
    assert path.read_bytes() == drawn


def test_a_report_has_its_page_its_tables_its_records_and_its_figures(written):
    names = {str(path.relative_to(written.out)) for path in written.files}
    on_disk = {str(p.relative_to(written.out)) for p in written.out.rglob("*") if p.is_file()}
    figures = {
        f"figures/{k}-{cell.replace('/', '-')}-{name}.{kind}"
        for k, cell in enumerate(CELLS, 1)
        for name in ("gap-cost", "curve-alpha", "tuning")
        for kind in ("svg", "png")
    }
    plain = {"index.html", "main.md", "main.tex", "main.csv", *FILES, SUMS}
    assert names == on_disk == plain | figures
    assert list(problems_of_folder(written.out)) == []


def test_the_same_records_in_any_order_give_the_same_bytes(written, tmp_path):
    again = build(shuffled(world()), tmp_path)
    for one, other in zip(written.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def hostile_world():
    cell, row = f"cell{HOSTILE}", f"row{HOSTILE}[alpha=-0.5]"
    made = [*retrains(cell, 2), *finals(cell, row, 0.1, "tuned", 2), *searches(cell, row, 0.1)]
    made = [replace(one, flags=(HOSTILE,), commit=HOSTILE) for one in made]
    return SweepResults(HOSTILE, HOSTILE, tuple(made), (cell,), (row,), {}, HOSTILE)


def test_hostile_names_are_text_in_every_file(tmp_path):
    written = build(hostile_world(), tmp_path)
    page = written.page.read_text()
    tags = [tag for tag, _ in elements(page)]
    assert "img" not in tags
    assert tags.count("script") == 4
    assert not any("onerror" in attributes for _, attributes in elements(page))
    assert {one["facts"]["commit"] for one in records_of(page).values()} == {HOSTILE}
    assert "<img" not in (tmp_path / "main.md").read_text()
    for svg in (tmp_path / "figures").iterdir():
        assert svg.suffix == ".png" or "<img" not in svg.read_text()
        assert svg.resolve().parent == (tmp_path / "figures").resolve()
    for line in (tmp_path / "main.tex").read_text().splitlines():
        assert line.startswith("%") or "onerror=alert(1)>" not in line


def test_the_records_come_back_from_parquet(written):
    held = table_to_records(pq.read_table(written.out / "records.parquet"))
    assert held == tuple(sorted(world().records, key=lambda one: one.id))


def test_a_report_that_cannot_be_written_leaves_the_old_one_whole(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text("old")

    def fails(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no space"):
        build(replace(world(), records=()), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "old"


def test_a_report_imports_neither_torch_nor_ray_nor_mlflow_nor_what_draws():
    code = (
        "import sys, mubench.report.build, mubench.report.tables.console\n"
        "print(*sorted({'torch', 'ray', 'mlflow', 'optuna', 'vl_convert'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_figures_of_a_long_cell_keep_their_names_apart(tmp_path):
    cell = f"data[{'a=1,' * 30}]/model[source={'x' * 40}]/random-0.1-stratified"
    rows = ("ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]")
    made = [one for row in rows for one in finals(cell, row, 0.1, "tuned", 2)]
    records = (*retrains(cell, 2), *made, *searches(cell, rows[0], 0.1))
    written = build(SweepResults("toy", "", records, (cell,), rows, {}, ""), tmp_path)
    svg = [path.name for path in written.files if path.suffix == ".svg"]
    assert sorted(name.rpartition("-stratified-")[2] for name in svg) == [
        "curve-alpha.svg",
        "gap-cost.svg",
        "tuning.svg",
    ]


def test_figures_of_an_earlier_report_are_deleted_and_foreign_files_are_kept(tmp_path):
    build(world(), tmp_path)
    (tmp_path / "figures" / "mine.svg").write_text("mine")
    one = replace(world(), cells=CELLS[:1])
    names = {path.name for path in build(one, tmp_path).files if path.suffix in (".svg", ".png")}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == names | {"mine.svg"}


def test_caveats_and_curves_are_those_of_the_methods_in_the_sweep(tmp_path):
    with_it = build(world(), tmp_path / "with")
    caveat = "UGradSL and UGradSL+: a re-implementation from a secondary description of the paper"
    for name in ("main.md", "main.tex", "index.html"):
        assert caveat in (with_it.out / name).read_text().replace("\\+", "+")
    records = tuple(r for r in world().records if not r.row.startswith("ugradsl"))
    plain = replace(world(), rows=("ft", "ga", "iu"), records=records, expected={})
    without = build(plain, tmp_path / "without")
    for name in ("main.md", "main.tex", "main.csv", "index.html"):
        text = (without.out / name).read_text().lower()
        assert "ugradsl" not in text, name
        assert "smoothing" not in text, name
    assert not list(without.out.glob("figures/*curve*"))


def test_figures_are_not_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "1-mine.png").write_bytes(b"precious")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "figures").symlink_to(victim)
    with pytest.raises(InputError, match="figures: a link"):
        build(world(), tmp_path / "report")
    assert [path.name for path in victim.iterdir()] == ["1-mine.png"]
