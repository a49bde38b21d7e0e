"""The site in a real browser: sorted, filtered, opened, both themes."""

import pytest

from mubench.leaderboard.board import make_board
from mubench.leaderboard.site import site_files
from mubench.leaderboard.slug import slug
from mubench.leaderboard.write_site import write_site
from tests.support import browser
from tests.support.board import hostile_rows
from tests.support.report_world import CELLS


@pytest.fixture(scope="module")
def chromium_():
    with browser.launched() as launched:
        yield launched


OPEN_ALL = "for (const d of document.querySelectorAll('details')) d.open = true"


@pytest.mark.slow
def test_nothing_of_a_hostile_row_runs_in_a_browser(chromium_, board_rows, tmp_path):
    write_site(site_files(make_board(hostile_rows(board_rows))), tmp_path)
    for path in sorted(tmp_path.rglob("*.html"))[:6]:
        page = browser.opened(chromium_, path)
        page.evaluate(OPEN_ALL)
        assert page.locator("img").count() == 0
        for button in page.locator("button:visible").all()[:6]:
            button.click()
        assert page.problems == []
        page.close()


@pytest.mark.slow
def test_the_site_works_from_a_file_sorted_filtered_and_opened(chromium_, built):
    out, _ = built
    page = browser.opened(chromium_, out / "index.html")
    visible = page.locator("tr[data-selection]:visible")
    assert visible.count() == 15
    page.get_by_role("button", name="Tuned", exact=True).click()
    assert visible.count() == 8  # doing nothing among them
    page.locator(".matrix a.number").first.click()
    assert page.locator("details[open]").count() == 1, "a number of the matrix opens its row"
    page.get_by_role("button", name="UA (%)").click()
    keys = page.locator("tbody.tuned tr:not(.group) td:nth-child(2)").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.key))"
    )
    assert keys == sorted(keys)
    cell = (out / "cells" / f"{slug(CELLS[1])}.html").as_uri()
    assert [asked.partition("#")[0] for asked in page.problems] == [cell], "the only request"
    page.close()


@pytest.mark.slow
def test_no_page_keeps_anybody_out_in_either_theme(chromium_, board_rows, tmp_path):
    contents = site_files(
        make_board(row for row in board_rows if row.row in ("retrain", "original", "iu"))
    )
    write_site(contents, tmp_path)
    for name, scheme in (
        ("index.html", "light"),
        (f"cells/{slug(CELLS[0])}.html", "dark"),
        (f"cells/{slug(CELLS[0])}.html", "light"),
        ("methods/iu.html", "dark"),
    ):
        size = {"width": 390, "height": 844}
        page = browser.opened(chromium_, tmp_path / name, color_scheme=scheme, viewport=size)
        page.evaluate(OPEN_ALL)
        assert browser.serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()
