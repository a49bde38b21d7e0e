"""Documents that would go stale: what they show, name or link must be there."""

import doctest
import re
import runpy
import tomllib
from pathlib import Path

import pytest

import mubench

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text()


def test_the_examples_of_the_readme_run():
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_tree_of_the_readme_is_the_tree():
    section = README.split("## Where things are")[1].split("\n\n")[1]
    folder = ROOT
    for name in re.findall(r"^\s{4}(\S.*?)\s{2,}|^\s{4}(\S+(?: \S+/)*)$", section, re.MULTILINE):
        for part in "".join(name).split():
            path = ROOT / part if (ROOT / part).exists() else folder / part
            assert path.exists(), part
            folder = path.parent


def test_the_changelog_begins_with_the_version_of_the_package():
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert newest is not None
    assert newest[1] == project["version"] == mubench.__version__


def test_the_table_of_the_readme_is_that_of_the_committed_report():
    shown = README.split("<!-- quickstart -->")[1].split("<!-- /quickstart -->")[0].strip()
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    report = (ROOT / "reports" / "quickstart" / "main.md").read_text().splitlines()
    assert len(rows) > 8
    assert [row for row in rows if row not in report] == []


def test_the_page_of_methods_is_what_their_cards_and_docstrings_say():
    written = runpy.run_path(str(ROOT / "docs" / "make_methods.py"))["page"]()
    assert (ROOT / "docs" / "methods.md").read_text() == written, "run 'make docs'"


def test_the_methods_of_the_readme_are_those_that_there_are():
    from mubench.catalogue import cards

    section = README.split("## Methods")[1].split("##")[0]
    assert set(cards.names("methods")) <= set(re.findall(r"`(\w+)`", section))
