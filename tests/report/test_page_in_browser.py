"""The page in a real browser: filter, sort, drawer, theme, figures, print, hostile names."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from mubench.report.build import build
from mubench.store.examples import BINS, CellExamples, Confidences, DivergentExample, Examples
from mubench.sweep.claims import Claim
from tests.support.browser import launched, opened, serious
from tests.support.evidence_world import evidence_source
from tests.support.hostile_report import HOSTILE, hostile_world
from tests.support.report_world import CELLS, hash_of, world

pytestmark = pytest.mark.slow


DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+k"
    "cQAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def browser():
    with launched() as found:
        yield found


def full_world():
    """Everything that a page can show: examples and a claim beside the numbers."""
    histogram = Confidences(row="retrain", forget=(1,) * BINS, holdout=(2,) * BINS)
    odd = DivergentExample(
        row="ft", example=7, label="cat", retrained="dog 0.9", unlearned="cat 1.0", divergence=0.5
    )
    shown = CellExamples(request="r", confidences=(histogram,), oddities=(odd,), media={7: DOT})
    claim = Claim(
        text="ugradsl beats ga on gap",
        first="ugradsl",
        second="ga",
        verb="beats",
        metric="gap",
        cells=CELLS,
    )
    return replace(world(), examples=Examples(cells={CELLS[0]: shown}), claims=(claim,))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return build(full_world(), tmp_path_factory.mktemp("page")).page


@pytest.fixture
def page(browser, path):
    found = opened(browser, path, viewport={"width": 1280, "height": 900})
    yield found
    assert found.problems == []
    found.context.close()


def gaps(page):
    """The Avg. Gap column of the first cell's tuned rows, as shown."""
    cells = page.locator("#cell-1 tbody.tuned tr[data-method]:visible td:nth-child(6)")
    return [float(text.split(" ")[0]) for text in cells.all_inner_texts()]


def test_a_click_sorts_and_another_one_turns_it_round(page):
    head = page.locator("#cell-1 th", has_text="Avg. Gap")
    assert head.get_attribute("aria-sort") == "none"
    head.get_by_role("button").click()
    assert gaps(page) == sorted(gaps(page))
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")
    assert gaps(page) == sorted(gaps(page), reverse=True)
    first = page.locator("#cell-1 tbody.reference tr[data-method] th").first
    assert first.inner_text() == "Retrain", "references stay where they are"


def test_filters_leave_cells_rows_and_methods_and_the_address_keeps_them(page, browser):
    page.get_by_label("Scenario").select_option("class")
    assert page.locator("#shown").inner_text() == "1 of 2 cells"
    assert not page.locator("#cell-1").is_visible()
    assert page.locator(".glance tbody tr:visible").count() == 1
    page.get_by_label("Rows").select_option("tuned")
    assert page.locator("#cell-2 tbody.default").is_hidden()
    page.locator(".pick summary").click()
    for name in ("FT", "GA"):
        page.get_by_label(name, exact=True).uncheck()
    assert (
        page.locator("#method-count").inner_text() == "4 of 6"
        or "of" in page.locator("#method-count").inner_text()
    )
    assert page.locator("#cell-2 tbody.tuned tr[data-method=ft]").is_hidden()
    again = opened(browser, _path_of(page))
    again.goto(page.url)
    again.reload()
    assert again.locator("#shown").inner_text() == "1 of 2 cells"
    assert again.locator("#cell-2 tbody.tuned tr[data-method=ga]").is_hidden()
    again.context.close()
    page.get_by_role("button", name="Show all").click()
    page.locator("#cell-1").wait_for()
    assert page.locator("#cell-2 tbody.tuned tr[data-method=ga]").is_visible()


def _path_of(page):
    return Path(unquote(urlparse(page.url).path))


def test_a_number_opens_a_drawer_with_its_recipe_and_escape_closes_it(page):
    row = page.locator("#cell-1 tbody.tuned tr", has_text="UGradSL (α = −0.2)")
    row.locator("td:nth-child(6) button").click()
    drawer = page.get_by_role("dialog")
    assert drawer.get_by_role("heading").first.inner_text() == (
        "UGradSL (α = −0.2) · tuned · Avg. Gap"
    )
    assert drawer.locator("details").count() == 3, "one for each request"
    drawer.locator("summary").first.click()
    words = drawer.inner_text()
    for expected in (
        "mubench reproduce digits/small",
        "alpha",
        "-0.2 (set)",
        hash_of(0),
        "torch 2.13",
        "cpu: test",
        "tags.`mubench.key` =",
        "train 0, forget 0",
    ):
        assert expected in words
    page.keyboard.press("Escape")
    assert not drawer.is_visible()


def test_the_drawer_opens_from_the_keyboard_and_gives_the_focus_back(page):
    button = page.locator("#cell-1 .number").first
    button.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    page.get_by_role("button", name="Close").click()
    assert button.evaluate("b => b === document.activeElement")


def test_the_theme_goes_round_and_is_kept(page, browser):
    colour = "getComputedStyle(document.body).backgroundColor"
    seen = [page.evaluate(colour)]
    for _ in range(2):
        page.locator("#theme").click()
        seen.append(page.evaluate(colour))
    assert page.locator("#theme").get_attribute("aria-label") == "Colour theme: dark"
    assert seen[0] == seen[1] != seen[2]
    page.reload()
    assert page.evaluate(colour) == seen[2]


def test_figures_are_drawn_when_they_come_into_view_without_eval(page):
    assert page.evaluate("typeof window.vegaEmbed") == "undefined", "nothing to draw in view yet"
    figures = page.locator("figure[data-figure]")
    for k in range(figures.count()):
        figures.nth(k).scroll_into_view_if_needed()
        figures.nth(k).and_(page.locator("[data-drawn=done]")).wait_for(state="attached")
    assert page.locator(".gap-cost svg").count() == 2
    assert "UGradSL+" in page.locator("#cell-1 .gap-cost svg").text_content()


def test_a_click_on_the_legend_leaves_one_row_in_full_strength(page):
    figure = page.locator("#cell-1 .gap-cost")
    figure.evaluate("f => f.scrollIntoView({block: 'center'})")
    page.wait_for_selector("#cell-1 .gap-cost[data-drawn=done]")
    box = figure.locator(".role-legend-entry text", has_text="GA").first.bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
    points = "#cell-1 .gap-cost .mark-symbol.role-mark path"
    page.wait_for_selector(f"{points}[opacity='0.12']", state="attached")
    shown = page.locator(points).evaluate_all("ps => ps.map(p => p.getAttribute('opacity'))")
    assert sorted(shown) == ["0.12"] * 12 + ["1"] * 2, "tuned GA and its defaults"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, path, scheme):
    page = opened(browser, path, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(
        "async () => { for (const f of document.querySelectorAll('figure')) await drawFigure(f); }"
    )
    assert serious(page) == []
    page.locator("#cell-1 .number").first.click()
    page.wait_for_selector("#drawer-body dl", state="attached")
    assert serious(page) == []
    page.context.close()


def test_it_fits_a_phone_and_prints(browser, path):
    page = opened(browser, path, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print")
    assert page.locator("#filters").is_hidden()
    assert len(page.pdf()) > 10_000
    page.context.close()


def test_a_sweep_without_numbers_is_a_page_in_words(browser, tmp_path):
    written = build(replace(world(), records=(), expected={}), tmp_path)
    page = opened(browser, written.page)
    assert "No step of this cell has completed." in page.locator("#cell-1").inner_text()
    assert "no row is ranked yet" in page.locator(".glance").inner_text()
    assert page.problems == []
    page.context.close()


def test_hostile_names_are_text_and_run_nowhere(browser, tmp_path):
    page = opened(browser, build(hostile_world(), tmp_path).page)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(
        "async () => { for (const f of document.querySelectorAll('figure')) await drawFigure(f); }"
    )
    assert set(page.locator("figure").evaluate_all("fs => fs.map(f => f.dataset.drawn)")) == {
        "done"
    }
    page.locator("#cell-1 tbody.tuned .number").first.click()
    page.wait_for_selector("#drawer-body dl", state="attached")
    page.locator("#drawer summary").first.click()
    page.mouse.move(400, 400)
    page.wait_for_timeout(300)
    assert page.problems == []
    assert page.locator("img").count() == 0
    assert page.locator("h1").inner_text() == re.sub(r"\s+", " ", HOSTILE)
    assert HOSTILE in page.locator("#drawer-body").text_content()
    page.context.close()


def test_a_figure_is_saved_as_svg_and_png_in_the_ink_of_paper(page):
    figure = page.locator("#cell-1 .gap-cost")
    figure.evaluate("f => f.scrollIntoView()")
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            figure.get_by_role("button", name=kind).click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(start)
        assert b"currentColor" not in content
    assert download.value.suggested_filename.startswith("gap-cost-")


@pytest.fixture
def evidence_page(browser, tmp_path):
    found = opened(browser, build(evidence_source(), tmp_path).page)
    yield found
    assert found.problems == []
    found.context.close()


def colours(locator):
    return set(locator.evaluate_all("es => es.map(e => getComputedStyle(e).color)"))


def test_a_column_without_power_is_grey_and_a_note_says_why(evidence_page):
    heads = evidence_page.locator("#cell-1 .results thead th")
    titles = heads.all_inner_texts()
    grey = [k for k in range(len(titles)) if "faint" in (heads.nth(k).get_attribute("class") or "")]
    assert [titles[k] for k in grey] == ["RA (%)"]
    cells = "#cell-1 .results tbody tr[data-method] > :nth-child({})"
    shown, others = (evidence_page.locator(cells.format(k + 1)) for k in (grey[0], grey[0] + 1))
    pale, ink = colours(shown.locator(".number")), colours(others.locator(".number"))
    assert len(pale) == 1
    assert pale.isdisjoint(ink)
    notes = evidence_page.locator("#cell-1 .footnotes li").all_inner_texts()
    assert len(notes) == 1
    assert notes[0].startswith("RA (%), grey: no power to tell the original from Retrain")


def test_the_table_of_survival_is_unfolded_and_all_tests_are_not(evidence_page):
    tables = evidence_page.locator("#cell-1 details:has(summary)")
    found = {
        tables.nth(k).locator("summary").inner_text(): tables.nth(k) for k in range(tables.count())
    }
    survival = found["Evidence: which rows survive what"]
    rows = survival.locator("tbody tr")
    assert rows.first.is_visible()
    assert rows.first.inner_text().split("\t") == [
        "FT",
        "like Retrain",
        "unlike Retrain: Relearnt from a few",
    ]
    assert rows.last.locator("th").inner_text() == "Sham"
    tests = found["Evidence: all tests"]
    assert not tests.locator("tbody tr").first.is_visible()
    tests.locator("summary").click()
    assert tests.locator("tbody tr").first.is_visible()


def test_controls_stand_below_the_methods_and_no_filter_of_methods_has_them(evidence_page):
    groups = evidence_page.locator("#cell-1 .results tbody")
    names = groups.evaluate_all("bs => bs.map(b => b.className)")
    assert names == ["reference", "tuned", "control"]
    assert "Controls, which forget nothing" in groups.last.text_content()
    evidence_page.locator(".pick summary").click()
    assert "Sham" not in evidence_page.locator(".pick").inner_text()
    evidence_page.get_by_label("GA", exact=True).uncheck()
    assert evidence_page.locator("#cell-1 tr[data-method=ga]").is_hidden()
    assert evidence_page.locator("#cell-1 tr[data-method=sham]").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_grey_is_still_legible(browser, tmp_path, scheme):
    page = opened(browser, build(evidence_source(), tmp_path).page, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert serious(page) == []
    page.context.close()
