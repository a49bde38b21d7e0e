"""Commands on the leaderboard: leaderboard, leaderboard check, compare."""

from pathlib import Path
from typing import Annotated

import typer

from mubench.cli.options import PluginFiles, StoreUri
from mubench.cli.output import BAD_INPUT, OK
from mubench.errors import plural
from mubench.session.output import console, say
from mubench.session.settings import DEFAULT_STORE

app = typer.Typer()


@app.callback(invoke_without_command=True)
def leaderboard(
    context: typer.Context,
    store: Annotated[
        list[str] | None, typer.Option(help="A store with sweeps. May be repeated.")
    ] = None,
    tracking_uri: Annotated[
        list[str] | None, typer.Option(help="An MLflow server with sweeps. May be repeated.")
    ] = None,
    report: Annotated[
        list[Path] | None, typer.Option(help="Folder of a report. May be repeated.")
    ] = None,
    rows: Annotated[
        list[Path] | None, typer.Option(help="A file or folder of rows. May be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = Path("leaderboard"),
    plugin: PluginFiles = None,
) -> None:
    """Build a static site from the sweeps of stores and servers, and from contributed rows."""
    if context.invoked_subcommand is not None:
        return
    from mubench.leaderboard.build import RowSources, build_board

    is_bare = not (store or tracking_uri or report or rows)
    stores = [DEFAULT_STORE] if is_bare else store or []
    sources = RowSources(stores, tracking_uri or [], report or [], rows or [])
    written = build_board(sources, out, say)
    count = len(written.removed)
    removed = f", {plural(count, 'older file')} removed" if count else ""
    say(f"{plural(written.rows, 'row')}, {plural(written.files, 'file')}{removed}")
    say(f"leaderboard: {written.page}")


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files or folders of rows.")],
) -> None:
    """Check rows before they are contributed; a problem is one line with its file and field."""
    from mubench.leaderboard.read_rows import read_row, row_files

    files = row_files(paths)
    problems = [problem for path in files for problem in read_row(path)[1]]
    for problem in problems:
        say(problem)
    say(f"{plural(len(files), 'row')}, {plural(len(problems), 'problem')}")
    raise typer.Exit(BAD_INPUT if problems else OK)


def compare(
    own: Annotated[
        str,
        typer.Argument(
            metavar="OWN", help="Folder of a report, a file or folder of rows, or a saved sweep."
        ),
    ],
    board: Annotated[Path, typer.Argument(metavar="BOARD", help="Folder of a leaderboard.")],
    store: StoreUri = DEFAULT_STORE,
) -> None:
    """Compare your own rows with those of a leaderboard, without network access."""
    from mubench.leaderboard.compare import compare_with_board, load_own_rows
    from mubench.leaderboard.compare_text import comparison_parts
    from mubench.leaderboard.read_rows import read_rows

    comparison = compare_with_board(load_own_rows(own, store), read_rows([board]))
    for part in comparison_parts(comparison):
        console().print(part)
