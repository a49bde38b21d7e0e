import base64
import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_world import CELLS, finals, hash_of, retrains, searches, shuffled, world

from mubench.report.build import build
from mubench.report.figures.figure import INK, row_styles
from mubench.store.results import ReportSource
from mubench.store.results_files import FILES
from mubench.store.table import records_to_table, table_to_records

HOSTILE = "</script ><img src=x onerror=alert(1)>\"'&|_%$#{}~^\\ \n=1+1"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return build(world(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(written):
    return written.page.read_text()


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def elements(html):
    parser = Elements()
    parser.feed(html)
    return parser.seen


def records_of(html):
    return json.loads(unpacked(html, "records"))


def unpacked(html, name):
    """The text of a packed element; its alphabet can close nothing."""
    held = re.search(rf'<script type="application/octet-stream" id="{name}">([^<]*)</script>', html)
    assert held
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", held.group(1))
    return gzip.decompress(base64.b64decode(held.group(1))).decode()


def test_a_report_has_its_page_its_tables_its_records_and_its_figures(written):
    names = {str(path.relative_to(written.out)) for path in written.files}
    on_disk = {str(p.relative_to(written.out)) for p in written.out.rglob("*") if p.is_file()}
    figures = {
        f"figures/{k}-{cell.replace('/', '-')}-{name}.{kind}"
        for k, cell in enumerate(CELLS, 1)
        for name in ("gap-cost", "curve-alpha", "tuning")
        for kind in ("svg", "png")
    }
    plain = {"index.html", "main.md", "main.tex", "main.csv", *FILES}
    assert names == on_disk == plain | figures


def test_the_same_records_in_any_order_give_the_same_bytes(written, tmp_path):
    again = build(shuffled(world()), tmp_path)
    for one, other in zip(written.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_the_page_needs_no_network(html):
    for tag, attributes in elements(html):
        assert tag not in {"link", "img", "iframe", "object"}
        assert "src" not in attributes
        assert not attributes.get("href", "#").startswith(("http", "//"))
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\(\s*['\"]?http|fetch\(", html)
    assert "</script" not in unpacked(html, "vega"), "it is run from an element of its own"


def test_every_number_opens_records_that_are_in_the_page(html):
    held = records_of(html)
    numbers = [a for _, a in elements(html) if "number" in a.get("class", "").split(" ")]
    assert len(numbers) == 2 * (5 + 5 + 6 + 14 * 6 + 1 + 1)
    rows = [a["data-records"].split(" ") for tag, a in elements(html) if "data-records" in a]
    assert len(rows) == 2 * (3 + 14)
    assert all(key in held for row in rows for key in row)
    assert {key for row in rows for key in row} == held.keys()


def test_a_record_in_the_page_tells_what_made_it(html):
    one = records_of(html)[f"{CELLS[0]}:final:ugradsl[alpha=-0.2]:tuned:1"]
    assert one["params"] == {"alpha": -0.2, "epochs": 5, "lr": 0.01}
    assert one["given"] == ["alpha"]
    assert one["facts"] == {
        "id": f"{CELLS[0]}:final:ugradsl[alpha=-0.2]:tuned:1",
        "request": f"{CELLS[0]}/1",
        "candidate": "2 of 0",
        "seeds": "train 1, forget 1",
        "forget set": "120 forgotten, 1080 retained",
        "forget hash": hash_of(1),
        "device": "cpu: test, 1 thread, float32",
        "exclusive device": "yes",
        "versions": "python 3.11, torch 2.13",
        "commit": "0123abc",
        "created": "2026-02-03T04:05:06+00:00",
        "outputs": "artefacts/unlearn in the store",
        "MLflow": (
            "experiment mubench/toy, tags.`mubench.key` = "
            f"'{CELLS[0]}:final:ugradsl[alpha=-0.2]:tuned:1'"
        ),
    }
    assert one["command"] == "mubench reproduce digits/small"


@pytest.mark.parametrize(
    "words",
    [
        "re-implementation from a secondary description",
        "0123abc",
        "torch 2.13",
        "cpu: test",
        "mubench run toy",
        "4 candidates per study",
        "2026-02-03",
        "Final minus search gap",
        "corrected for all pairs",
    ],
)
def test_a_claim_carries_its_conditions(html, words):
    assert words in html


def hostile_world():
    cell, row = f"cell{HOSTILE}", f"row{HOSTILE}[alpha=-0.5]"
    made = [*retrains(cell, 2), *finals(cell, row, 0.1, "tuned", 2), *searches(cell, row, 0.1)]
    made = [replace(one, flags=(HOSTILE,), commit=HOSTILE) for one in made]
    return ReportSource(HOSTILE, HOSTILE, tuple(made), (cell,), (row,), {}, HOSTILE)


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


def test_a_sweep_without_records_still_has_a_page_that_says_so(tmp_path):
    page = build(replace(world(), records=(), expected={}), tmp_path).page.read_text()
    assert page.count("No step of this cell has completed.") == 2
    assert page.count("no row is ranked yet") == 2
    assert not (tmp_path / "figures").exists()


def test_one_smoothing_rate_makes_no_curve(tmp_path):
    made = [*retrains(CELLS[0], 2), *finals(CELLS[0], "ugradsl[alpha=-0.2]", 0.1, "tuned", 2)]
    one = replace(world(), records=tuple(made), rows=("ugradsl[alpha=-0.2]",), cells=CELLS[:1])
    names = {path.name for path in build(one, tmp_path).files}
    assert not any("curve" in name for name in names)
    assert any("gap-cost" in name for name in names)


def test_the_curve_takes_the_rate_from_the_records_and_shows_retrain(written):
    svg = (written.out / "figures/1-digits-small_cnn-random-0.1-curve-alpha.svg").read_text()
    for word in ("UA (%)", "RA (%)", "TA (%)", "Avg. Gap", "α", "−1.0", "UGradSL"):
        assert word in svg


def test_a_figure_has_its_own_ink_as_a_file_and_the_themes_in_the_page(written, html):
    for path in written.files:
        if path.suffix == ".svg":
            assert f'"{INK}"' in path.read_text()
            assert "id=" not in path.read_text(), "ids of two figures in one page would clash"
    specs = json.loads(unpacked(html, "figures"))
    assert len(specs) == 6
    assert all(INK in json.dumps(spec) for spec in specs)
    assert f'const INK = "{INK}"' in html, "which the page puts its own colour in the place of"


def test_figures_of_a_large_sweep_are_files_only_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("mubench.report.build.MANY", 5)
    assert not (build(world(), tmp_path / "some").out / "figures").exists()
    assert len(list((build(world(), tmp_path / "all", full=True).out / "figures").iterdir())) == 12


def test_the_oldest_record_and_the_newest_live_in_one_table():
    """A row of a schema that had fewer columns, in a table with newer ones."""
    whole = records_to_table(world().records[:2])
    old = records_to_table(world().records[2:3]).drop_columns(["replica", "flags", "versions"])
    table = pa.concat_tables([whole, old], promote_options="default")
    held = table_to_records(table)
    assert held[:2] == world().records[:2]
    assert (held[2].replica, held[2].flags, held[2].versions) == (0, (), {})
    assert held[2].metrics == world().records[2].metrics


def test_a_report_imports_neither_torch_nor_ray_nor_mlflow_nor_what_draws():
    code = (
        "import sys, mubench.report.build, mubench.report.tables.console\n"
        "print(*sorted({'torch', 'ray', 'mlflow', 'optuna', 'vl_convert'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


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


def test_figures_of_a_long_cell_keep_their_names_apart(tmp_path):
    cell = f"data[{'a=1,' * 30}]/model[source={'x' * 40}]/random-0.1-stratified"
    rows = ("ugradsl[alpha=-0.2]", "ugradsl[alpha=-1.0]")
    made = [one for row in rows for one in finals(cell, row, 0.1, "tuned", 2)]
    records = (*retrains(cell, 2), *made, *searches(cell, rows[0], 0.1))
    written = build(ReportSource("toy", "", records, (cell,), rows, {}, ""), tmp_path)
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


def test_a_search_by_a_stand_in_says_so(tmp_path):
    node = {"search": {"objective": "retrain_free"}}
    page = build(replace(world(), node=node), tmp_path).page.read_text()
    assert "a proxy for Avg. Gap" in page
    assert "Objective: Avg. Gap" not in page


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
