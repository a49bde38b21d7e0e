"""Hooks of MkDocs: pages from outside of docs/ and from code, and links that lead to them.

A link is written for the repository, where `../deploy/slurm.sh` is a file. On the site the same
link leads to the page of that file.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

import made_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
TOP = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "docs/decisions": "decisions/index.md",
}
"""Where pages from outside of docs/ lie on the site."""
STATIC = {".html", ".svg", ".png"}
"""Files that a browser shows as they are."""
LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave tasks that are not written yet out of the navigation, and add the decisions."""
    docs = Path(config.docs_dir)
    for section in config.nav or []:
        for title, entries in section.items():
            if title == "Tasks":
                section[title] = [each for each in entries if _is_written(docs, each)]
            if title == "Decisions":
                names = (path.name for path in sorted((docs / "decisions").glob("*.md")))
                section[title] = [*entries, *(f"decisions/{name}" for name in names)]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made from code, the documents of the repository, and every file they link."""
    made = {
        **made_pages.from_code(),
        "decisions/index.md": made_pages.decisions(ROOT / "docs" / "decisions"),
    }
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    for path, uri in TOP.items():
        if path.endswith(".md"):
            text = (ROOT / path).read_text(encoding="utf-8")
            files.append(File.generated(config, uri, content=text))
    for path in sorted(linked_files()):
        files.append(_published(path, config))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """The page with links of the site in place of those of the repository."""
    if page.file.src_uri in ("index.md", "methods.md"):
        page.meta["hide"] = ["navigation"]  # which would hold this page alone
    source = source_of(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def leading(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        path = resolved(source, target)
        if "://" in target or not (ROOT / path).exists():
            return found[0]  # a dead one ends the build
        return before + posixpath.relpath(uri_of(path), here or ".") + after

    return LINK.sub(leading, markdown)


def linked_files() -> set[str]:
    """Files of the repository, outside of docs/, to which a document links."""
    documents = [name for name in TOP if name.endswith(".md")]
    documents += [str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
    found: set[str] = set()
    while documents:
        source = documents.pop()
        text = (ROOT / source).read_text(encoding="utf-8")
        paths = {resolved(source, target) for _, target, _ in LINK.findall(text)}
        outside = {path for path in paths - TOP.keys() if not path.startswith("docs/")}
        new = {path for path in outside - found if (ROOT / path).is_file()}
        found |= new
        documents += [path for path in new if path.endswith(".md")]
    return found


def resolved(source: str, target: str) -> str:
    """A link of a document as a path below the root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def uri_of(path: str) -> str:
    """Where a file of the repository lies on the site."""
    if path in TOP:
        return TOP[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    is_page = Path(path).suffix not in STATIC
    return f"files/{path}" + (".md" if is_page and not path.endswith(".md") else "")


def source_of(uri: str) -> str:
    """The file of the repository that a page of the site shows."""
    back = {page: path for path, page in TOP.items()}
    is_file = uri.startswith("files/")
    return back.get(uri) or (uri.removeprefix("files/") if is_file else f"docs/{uri}")


def _published(path: str, config: MkDocsConfig) -> File:
    uri = uri_of(path)
    if Path(path).suffix in STATIC:
        return File.generated(config, uri, abs_src_path=str(ROOT / path))
    text = (ROOT / path).read_text(encoding="utf-8")
    return File.generated(
        config, uri, content=text if path.endswith(".md") else made_pages.code(path, text)
    )


def _is_written(docs: Path, entry: dict[str, str]) -> bool:
    (name,) = entry.values()
    return not name.startswith("own-") or (docs / name).is_file()
