"""Commands on a store: verify, gc, export."""

from pathlib import Path
from typing import Annotated

import typer

from mubench.cli.options import DEFAULT_STORE, StoreUri, existing_store
from mubench.cli.output import FAILED, OK, say
from mubench.errors import InputError, plural

app = typer.Typer(help="Inspect and maintain a store.", no_args_is_help=True)


@app.command()
def verify(store: StoreUri = DEFAULT_STORE) -> None:
    """Check every stored file against its checksum, and that no reference is missing."""
    from mubench.store.verify import problems_of

    opened = existing_store(store)
    problems = 0
    for problem in problems_of(opened):
        say(problem)
        problems += 1
    say(f"{plural(len(opened.artefacts.ids()), 'artefact')}, {problems} damaged or missing")
    raise typer.Exit(FAILED if problems else OK)


@app.command()
def gc(store: StoreUri = DEFAULT_STORE) -> None:
    """Delete artefacts that no record names (interrupted steps, older code, preparations).

    Checkpoints of trainings that were cut go too: these begin again.
    """
    opened = existing_store(store)
    with opened.lock("gc"):
        named = {record.unlearn_id for record in opened.records.read().values()}
        loose = opened.artefacts.ids() - named
        opened.files.overlapped(opened.artefacts.discard, loose)
        cut = opened.checkpoints.ids()
        opened.files.overlapped(opened.checkpoints.discard, cut)
        opened.records.compact()
    say(f"{plural(len(loose), 'artefact')} and {plural(len(cut), 'checkpoint')} deleted")


@app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .parquet or .csv.")],
    store: StoreUri = DEFAULT_STORE,
) -> None:
    """Write all records as one Parquet or CSV file."""
    from mubench.store.export import export

    if target.suffix not in (".parquet", ".csv"):
        raise InputError(f"{target}: end the name in .parquet or .csv")
    say(f"{plural(export(existing_store(store), target), 'record')} in {target}")
