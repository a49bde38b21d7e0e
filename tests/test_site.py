"""The documentation as a site: every page is there, no link is dead, and no server is asked."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from typer.main import get_command

import mubench
from mubench.cli.main import app
from tests.support import browser
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow
LOADED = ("script", "img", "link", "iframe", "source")


class Page(HTMLParser):
    """Anchors of a page, where its links lead, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        address = given.get("href") or given.get("src")
        if address and given.get("rel") != "canonical":
            (self.loads if tag in LOADED else self.links).append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    """All pages but reports, which are whole programs, by their path."""
    paths = [path for path in site.rglob("*.html") if "reports" not in path.parts]
    return {path: Page(path.read_text(encoding="utf-8")) for path in paths}


def test_every_document_is_a_page(site):
    documents = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    made = ["index", "cli", "api", "plugin-api", "changelog", "contributing", "security"]
    expected = [*(path.with_suffix(".html") for path in documents), *(f"{n}.html" for n in made)]
    assert len(expected) > 45
    assert [str(path) for path in expected if not (site / path).is_file()] == []


def test_every_document_is_in_the_navigation(site, pages):
    start = {link.partition("#")[0] for link in pages[site / "index.html"].links}
    inner = {"index.html", "404.html"}
    names = {path.name for path in site.glob("*.html")} - inner
    assert names - start == set()
    listed = set(pages[site / "decisions" / "index.html"].links)
    assert {path.name for path in (site / "decisions").glob("0*.html")} - listed == set()


def test_no_link_is_dead(site, pages):
    dead, seen = [], 0
    for path, page in pages.items():
        if path.name == "404.html":  # it may stand anywhere, so its addresses begin with /
            continue
        for address in (*page.links, *page.loads):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            seen += 1
            anchors = pages[target].ids | {""} if target in pages else {"", parts.fragment}
            if not target.is_file() or unquote(parts.fragment) not in anchors:
                dead.append((str(path.relative_to(site)), address))
    assert seen > 2000
    assert dead == []


def test_no_page_loads_anything_from_a_server(pages):
    outside = {address for page in pages.values() for address in page.loads if "//" in address}
    assert outside == set()


def test_no_style_or_program_asks_a_server(site):
    """Fonts and the like, which a style may fetch."""
    found = {
        path.name: urls
        for path in site.rglob("*.css")
        if (urls := re.findall(r"(?:url\(|@import )['\"]?(?:https?:)?//[^)]*", path.read_text()))
    }
    assert found == {}


def test_every_public_function_and_command_is_described(site, pages):
    names = {f"mubench.{name}" for name in mubench.__all__ if name != "__version__"}
    assert names - pages[site / "api.html"].ids == set()
    commands = get_command(app).commands
    expected = {f"mubench-{name}" for name in commands} | {
        f"mubench-{name}-{inner}"
        for name, group in commands.items()
        for inner in getattr(group, "commands", {})
    }
    assert len(expected) > 25
    assert expected - pages[site / "cli.html"].ids == set()
    assert "Run the missing steps of a sweep, write its report, send results to MLflow." in (
        (site / "cli.html").read_text(encoding="utf-8")
    )


def test_links_that_leave_the_documents_lead_to_pages_of_the_files(site, pages):
    assert "files/deploy/slurm.sh.html" in pages[site / "cluster.html"].links
    assert "cluster.html#tokens" in pages[site / "security.html"].links
    assert "files/reports/quickstart/index.html" in pages[site / "index.html"].links
    shown = (site / "files" / "deploy" / "slurm.sh.html").read_text(encoding="utf-8")
    assert "#SBATCH" in shown


def test_search_works_from_a_disk(site):
    with browser.launched() as chromium:
        page = browser.opened(chromium, site / "decisions" / "index.html")
        page.click(".md-search__input")
        page.keyboard.type("Theorem 2")
        page.wait_for_selector(".md-search-result__item")
        assert "008" in page.inner_text(".md-search-result")
        inside = ("file:", "data:", "blob:", "about:")
        assert [problem for problem in page.problems if not problem.startswith(inside)] == []
