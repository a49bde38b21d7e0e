"""Write a report: tables for a paper, a page for people, the records for everybody."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mubench.data.atomic import TEMPORARY, clear_temporaries, read_file, write_atomically
from mubench.errors import InputError, IntegrityError
from mubench.report.figures.render import draw
from mubench.report.page import page
from mubench.report.report import MANY, Report, report_of
from mubench.report.tables.latex import to_latex
from mubench.report.tables.markdown_csv import markdown_text, to_csv, to_markdown
from mubench.report.tables.table import CAPTION
from mubench.store.results import SweepResults
from mubench.store.results_files import pack
from mubench.store.sums import SUMS, read_sums, sha256, sums_file
from mubench.store.table import no_collection

_LONGEST, _HALF = 100, 49
"""Characters of a figure's file name, and of each end of a longer one."""


@dataclass(frozen=True)
class Written:
    """Where a report lies, and its files."""

    out: Path
    files: tuple[Path, ...]

    @property
    def page(self) -> Path:
        """The page to open first."""
        return self.out / "index.html"


def build(source: SweepResults, out: Path, *, full: bool = False) -> Written:
    """Write the report into `out`, every file atomically; the same records give the same bytes.

    A figure's files take a fifth of a second: those of a large sweep are drawn with `full` only.
    The page has all figures, and saves each as SVG or PNG.

    Raises:
        InputError: the folder of figures is a link, which might lead anywhere.
        OSError: a file cannot be written.
    """
    if (out / "figures").is_symlink():
        raise InputError(f"{out / 'figures'}: a link; figures are written to a folder: remove it")
    with no_collection():
        contents = _contents(source, _figures_of(out), full=full)
    contents[SUMS] = sums_file(contents)
    clear_temporaries([*out.glob(TEMPORARY), *out.glob(f"figures/{TEMPORARY}")])
    written = Written(out, tuple(_write(out / name, content) for name, content in contents.items()))
    _remove_older_figures(out / "figures", set(written.files))
    return written


def _figures_of(out: Path) -> dict[str, bytes]:
    """The figures of an earlier report, as it wrote them: not one that was changed since."""
    found: dict[str, bytes] = {}
    with suppress(OSError, IntegrityError):
        for name, expected in read_sums(out).items():
            if name.startswith("figures/") and ".." not in name:
                content = read_file(out / name)
                found |= {name: content} if sha256(content) == expected else {}
    return found


def _contents(
    source: SweepResults, earlier: Mapping[str, bytes], *, full: bool
) -> dict[str, bytes]:
    """The report's files by name; `earlier` are figures that need not be drawn again."""
    report = report_of(source, full=full)
    figures = report.every_figure
    drawn = figures if full or len(figures) <= MANY else {}
    tables = [block.table for block in report.cells]
    return {
        "index.html": page(report, has_files=bool(drawn)).encode(),
        "main.md": _markdown(report).encode(),
        "main.tex": _latex(report).encode(),
        "main.csv": to_csv(tables).encode(),
        **pack(source),
        **draw({f"figures/{_slug(name)}": one for name, one in drawn.items()}, earlier),
    }


def _remove_older_figures(folder: Path, kept: set[Path]) -> None:
    """Delete figures of an earlier report, whose numbers are not those of this one."""
    for path in folder.glob("*"):
        if path not in kept and re.fullmatch(r"\d+-[A-Za-z0-9._-]+\.(svg|png)", path.name):
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _slug(name: str) -> str:
    """Return a file name's part: no separators, nothing a shell or a path could read.

    A long one loses its middle: it begins with the number of its cell and ends with the figure.
    """
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")
    return plain if len(plain) <= _LONGEST else f"{plain[:_HALF]}--{plain[-_HALF:]}"


def _markdown(report: Report) -> str:
    parts = [f"# {markdown_text(report.source.name)}\n"]
    for block in report.cells:
        doubts = [f"**{markdown_text(text)}**" for text in block.warnings]
        sentences = [markdown_text(text) for text in (block.headline, *block.remarks)]
        parts += [to_markdown(block.table), "\n\n".join([*doubts, *sentences]), ""]
    if report.claims:
        parts += ["## Claims", ""]
        for claim in report.claims:
            parts.append(f"- **{claim.verdict}**: {markdown_text(claim.claim.text)}")
            parts += [f"  - {markdown_text(f'{one.cell}: {one.words}')}" for one in claim.cells]
        parts.append("")
    if report.ranks:
        parts += [markdown_text(report.ranks.words), ""]
    parts += [CAPTION, ""]
    parts += [f"{markdown_text(caveat)}\n" for caveat in report.caveats]
    parts += [f"- {term}: {markdown_text(words)}" for term, words in report.conditions]
    return "\n".join(parts) + "\n"


def _latex(report: Report) -> str:
    facts = [f"{term}: {words}" for term, words in report.conditions]
    lines = (report.source.name, *facts, *report.caveats)
    comments = [f"% {' '.join(text.split())}" for text in lines]
    tables = [to_latex(block.table, number) for number, block in enumerate(report.cells, 1)]
    return "\n".join([r"% needs \usepackage{booktabs}", *comments, "", *tables])


def _write(path: Path, content: bytes) -> Path:
    write_atomically(path, content)
    return path
