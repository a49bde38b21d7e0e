"""Commands on data sets and forget sets: fetch, check, export."""

from pathlib import Path
from typing import Annotated

import typer

from mubench.cli.options import DEFAULT_STORE, DataDir, PluginFiles, SetValues, SweepName
from mubench.cli.output import FAILED, OK, say
from mubench.errors import plural

app = typer.Typer(help="Download and check data sets; export forget sets.", no_args_is_help=True)

DatasetName = Annotated[
    str, typer.Argument(metavar="NAME", help="A data set; see `mubench list datasets`.")
]


@app.command()
def fetch(name: DatasetName, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """Download a data set if it is missing, and decode it into the cache."""
    from mubench.catalogue import cards
    from mubench.data.fetch import fetch_data

    for what, text in fetch_data(cards.dataset(name, "data fetch"), data):
        say(f"{what:12} {text}")


@app.command()
def check(name: DatasetName, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """Show what a data set holds, and whether it matches its card."""
    from mubench.catalogue import cards
    from mubench.data.fetch import check_data

    wrong = 0
    for what, text in check_data(cards.dataset(name, "data check"), data):
        wrong += what == "wrong"
        say(f"{what:12} {text}")
    raise typer.Exit(FAILED if wrong else OK)


@app.command()
def export(
    sweep: SweepName,
    out: Annotated[Path, typer.Option("--out", help="Folder of the forget sets.")],
    data: DataDir = None,
    set_: SetValues = None,
    plugin: PluginFiles = None,
) -> None:
    """Write the forget sets of a sweep as files, which another sweep can use."""
    from mubench.run.export_forget_sets import export_forget_sets
    from mubench.run.open_sweep import open_sweep

    opened = open_sweep(sweep, DEFAULT_STORE, set_ or (), "cpu", data, decode=True)
    written = export_forget_sets(opened.plan, out, data)
    say(f"{plural(written, 'forget set')} in {out}")
