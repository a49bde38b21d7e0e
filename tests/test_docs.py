"""Documents that would go stale: what they show, name or link must be there."""

import ast
import doctest
import re
import runpy
import subprocess
import tomllib

import pytest
from typer.main import get_command

import mubench
from mubench import errors
from mubench.cli.main import app
from mubench.errors import MubenchError
from tests.support.paths import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", ["README.md", "docs/python-data.md"])
def test_the_examples_of_a_page_run(page):
    result = doctest.testfile(str(ROOT / page), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_tree_of_the_readme_is_the_real_tree():
    """Both ways: what is listed exists, and what exists is listed."""
    section = README.split("## Where things are")[1]
    lines = re.findall(r"^ {4}( *)(\S+(?: \S+)*)", section, re.MULTILINE)
    listed = [
        ("mubench/" if indent else "") + name for indent, names in lines for name in names.split()
    ]
    assert sorted(listed) == sorted(_tree())


def _tree():
    """Folders and files of the package and of the repository, but for hidden files."""
    package = {f"mubench/{_name(path)}" for path in (ROOT / "mubench").iterdir()}
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode:
        pytest.skip("not a checkout: what belongs to the repository is not known")
    paths = {ROOT / line.split("/")[0] for line in git.stdout.splitlines()}
    tops = {_name(path) for path in paths if path.exists()}
    hidden_files = {name for name in tops if name.startswith(".") and not name.endswith("/")}
    return (package | tops) - hidden_files - {"mubench/__pycache__/"}


def _name(path):
    return f"{path.name}/" if path.is_dir() else path.name


def test_every_path_of_the_architecture_exists():
    """A path with capitals is a pattern; a word after a colon is defined in the file."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    paths = set(re.findall(r"`([\w./]+\.(?:py|yaml|jinja|md)(?::[\w.]+)?)`", text))
    assert len(paths) > 80
    assert sorted(path for path in paths if not _is_there(path)) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name != "decisions"], ids=lambda page: page.name
)
def test_every_path_of_a_page_exists(page):
    """Decisions are history, and so are their paths."""
    paths = re.findall(
        r"`((?:mubench|search_spaces|tests|docs|benchmarks)/[^` ]+)`", page.read_text()
    )
    assert [path for path in paths if not _is_there(re.sub("<[a-z]+>", "*", path))] == []


def _is_there(place):
    path, _, name = place.partition(":")
    pattern = re.sub(r"[A-Z]{2,}", "*", path)
    files = [*ROOT.glob(pattern), *(ROOT / "mubench").glob(pattern)]
    return bool(files) and (not name or any(_defines(file, name.split(".")) for file in files))


def _defines(file, names):
    """Whether a module binds a name, or its class binds a member."""
    body = ast.parse(file.read_text()).body
    for name in names:
        body = next((_body(node) for node in body if name in _bound(node)), None)
        if body is None:
            return False
    return True


def _bound(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _body(node):
    return node.body if isinstance(node, ast.ClassDef) else []


def test_the_layers_of_the_architecture_are_those_of_the_test_of_layers():
    section = (ROOT / "docs" / "architecture.md").read_text().split("## Who may import whom")[1]
    rows = re.findall(r"^\| (`.*?`) \|", section.split("##")[0], re.MULTILINE)
    drawn = [set(re.findall(r"`(\w+)`", row)) for row in rows]
    held = re.search(
        r"^LAYERS = (\(.*?^\))",
        (ROOT / "tests/test_layers.py").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert drawn[::-1] == [set(names) for names in ast.literal_eval(held[1])]


def test_every_command_that_is_named_exists():
    commands = get_command(app).commands
    for first, second in _named("mubench"):
        assert first in commands, first
        assert second in {"", *getattr(commands[first], "commands", {second})}, f"{first} {second}"


def test_every_target_of_make_that_is_named_exists():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {target for target, _ in _named("make")} <= set(targets)


def _named(program):
    """The first two words after a program, wherever it stands as code."""
    found = re.compile(rf"(?:^ {{4}}|`){program} ([a-z]+)(?: ([a-z_]+))?", re.MULTILINE)
    words = [pair for page in PAGES for pair in found.findall(page.read_text())]
    assert words
    return words


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


def test_the_drawn_tree_of_errors_is_the_tree_of_classes():
    drawn = re.findall(r"^([│├└─ ]*)(\w+) {2,}", errors.__doc__, re.MULTILINE)
    assert [(len(branch) // 4, name) for branch, name in drawn] == list(_kinds(MubenchError, 0))


def _kinds(kind, depth):
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _kinds(child, depth + 1)
