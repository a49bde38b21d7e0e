"""The pages: numbers, links, downloads, hostile names, and the same bytes."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from mubench.leaderboard.badges import LEGEND
from mubench.leaderboard.board import make_board
from mubench.leaderboard.read_rows import read_row
from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.leaderboard.site import site_files
from mubench.leaderboard.slug import slug
from mubench.leaderboard.write_site import write_site
from tests.support.board import HOSTILE, find, hostile_rows, node_of, source
from tests.support.report_world import CELLS, shuffled


class Page(HTMLParser):
    """Tags, ids, links and text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def ids(self):
        return [held["id"] for held in self.attributes if "id" in held]

    @property
    def links(self):
        return [held["href"] for held in self.attributes if "href" in held]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def pages_of(contents):
    return {name: Page(held.decode()) for name, held in contents.items() if name.endswith(".html")}


def test_a_board_has_a_page_a_cell_and_a_method_and_a_file_a_row(board_rows, built):
    _, contents = built
    methods = {"ft", "ga", "iu", "ugradsl", "ugradsl_plus"}
    assert {name for name in contents if name.startswith("methods/")} == {
        f"methods/{name}.html" for name in methods
    }
    assert {name for name in contents if name.startswith("cells/")} == {
        f"cells/{slug(cell)}.html" for cell in CELLS
    }
    assert {name for name in contents if name.startswith("rows/")} == {
        f"rows/{row.slug}.json" for row in board_rows
    }
    others = {name for name in contents if "/" not in name}
    assert others == {"index.html", "row.schema.json", "board.csv"}


def broken_links(out, contents):
    pages = pages_of(contents)
    for name, page in pages.items():
        assert len(set(page.ids)) == len(page.ids), f"{name}: an id stands twice"
        for link in page.links:
            path, _, fragment = link.partition("#")
            target = (out / name).parent / path if path else out / name
            if not target.is_file():
                yield f"{name}: {link}"
                continue
            there = str(target.resolve().relative_to(out.resolve()))
            if fragment and fragment not in pages[there].ids:
                yield f"{name}: {link}"


def test_every_link_leads_somewhere_on_the_board(built):
    out, contents = built
    assert list(broken_links(out, contents)) == []
    for page in pages_of(contents).values():
        assert not [link for link in page.links if "://" in link or link.startswith("/")]
        assert not {"img", "link", "iframe", "object", "form"} & set(page.tags)
        assert not any("src" in held or "style" in held for held in page.attributes)


def test_the_same_rows_in_any_order_give_the_same_bytes(built):
    _, contents = built
    again = site_files(make_board(reversed(rows_from_results(shuffled(source())))))
    assert again.keys() == contents.keys()
    for name, held in contents.items():
        assert again[name] == held, name


def test_the_pages_show_the_numbers_of_the_rows(built):
    _, contents = built
    pages = pages_of(contents)
    cell = pages[f"cells/{slug(CELLS[1])}.html"].text
    gaps = [100 * 0.08 * (1 + 0.1 * k) for k in range(3)]
    assert f"{np.mean(gaps):.2f} ± {np.std(gaps, ddof=1):.2f}" in cell  # tuned iu
    assert "noise floor 1.33 points" in cell
    index = pages["index.html"].text
    assert "2 cells and 6 requests" in index
    assert "not independent" in index
    assert "imputed: 1 request" in index
    method = pages["methods/ugradsl_plus.html"].text
    assert "arXiv 2406.07698" in method
    assert "1 of 7" in method
    for kind, words in LEGEND.items():
        assert kind in index
        assert words in index


def test_the_sweep_of_a_row_lies_beside_it_as_a_file_that_can_be_run(built):
    _, contents = built
    (name,) = [name for name in contents if name.startswith("sweeps/")]
    assert yaml.safe_load(contents[name]) == {"name": "toy", "methods": {"ft": {}}}
    assert f"mubench run {name}" in pages_of(contents)[f"cells/{slug(CELLS[0])}.html"].text


def test_the_csv_has_a_line_a_row_in_fractions(board_rows, built):
    _, contents = built
    lines = list(csv.DictReader(io.StringIO(contents["board.csv"].decode())))
    assert len(lines) == len(board_rows)
    held = {(line["cell"], line["row"], line["selection"]): line for line in lines}
    line = held[CELLS[0], "iu", "default"]
    assert float(line["gap"]) == pytest.approx(np.mean([0.16, 0.176]))
    assert (line["requests"], line["expected"], line["badges"]) == (
        "2",
        "3",
        "untuned; refused 1 of 3",
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_spreadsheet_takes_no_name_for_a_formula(board_rows, start):
    name = f"{start}HYPERLINK(1)"
    text = json.dumps(node_of(find(board_rows, CELLS[1], "ft", "tuned")))
    node = json.loads(text.replace("digits/", f"{name}/")) | {"dataset": name}
    node |= {"method": name, "row": name, "origin": {"name": name, "sweep": {}}}
    contents = site_files(make_board([BoardRow.model_validate(node)]))
    _, line = csv.reader(io.StringIO(contents["board.csv"].decode()))
    assert line.count(f"'{name}") == 2
    assert not any(field.startswith(start) for field in line)


def test_hostile_names_are_text_and_never_a_path(board_rows, tmp_path):
    made = hostile_rows(board_rows)
    contents = site_files(make_board(made))
    write_site(contents, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert list(broken_links(tmp_path / "out", contents)) == []
    for name, page in pages_of(contents).items():
        assert "img" not in page.tags, name
        assert page.tags.count("script") == 1, name
        assert not any("onerror" in held for held in page.attributes), name
    text = " ".join(HOSTILE.split())
    cells = [page for name, page in pages_of(contents).items() if name.startswith("cells/")]
    assert any(page.text.count(text) > 20 for page in cells)
    for name, held in contents.items():
        if name.startswith("rows/"):
            path = tmp_path / "out" / name
            node = json.loads(held)
            assert node.pop("checksum")
            assert read_row(path) == (BoardRow.model_validate(node), [])
        if name.startswith("sweeps/"):
            assert yaml.safe_load(held) == {HOSTILE: [HOSTILE]}


def test_the_browser_may_run_the_boards_own_script_and_no_other(built):
    _, contents = built
    for name, held in contents.items():
        if name.endswith(".html"):
            policy = re.search(r'Content-Security-Policy" content="([^"]*)"', held.decode())
            assert policy is not None
            assert "unsafe" not in policy[1]
            assert policy[1].startswith("default-src 'none'; style-src 'sha256-")


def test_a_board_without_a_row_says_so():
    contents = site_files(make_board([]))
    assert "This board has no rows." in Page(contents["index.html"].decode()).text
    assert contents.keys() == {"index.html", "row.schema.json", "board.csv"}
