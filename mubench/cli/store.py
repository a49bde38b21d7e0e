"""Commands on a store: verify, repair, gc, export."""

from pathlib import Path
from typing import Annotated

import typer

from mubench.cli.options import StoreUri, existing_store
from mubench.cli.output import FAILED, OK
from mubench.errors import InputError, plural
from mubench.session.output import say
from mubench.session.settings import DEFAULT_STORE

app = typer.Typer(help="Inspect and maintain a store.", no_args_is_help=True)


@app.command()
def verify(
    store: StoreUri = DEFAULT_STORE,
    folder: Annotated[
        list[Path] | None,
        typer.Option(help="A report's folder or a board, instead of a store. May be repeated."),
    ] = None,
) -> None:
    """Check every file of a store, a report or a board against its checksum.

    Of a store also, that no reference is missing. `repair` sets aside what is damaged.
    """
    from mubench.store.sums import problems_of_folder
    from mubench.store.verify import problems_of

    where = [store]
    if folder:
        where = [str(each) for each in folder]
        texts = [text for each in folder for text in problems_of_folder(_written(each))]
    else:
        texts = [problem.text for problem in problems_of(existing_store(store))]
    for text in texts:
        say(text)
    say(f"{', '.join(where)}: {len(texts)} damaged or missing")
    raise typer.Exit(FAILED if texts else OK)


@app.command()
def repair(store: StoreUri = DEFAULT_STORE) -> None:
    """Set damaged files aside, so that the next run makes them again.

    They move to the folder `damaged` of the store; nothing is deleted.
    """
    from mubench.store.verify import repair

    opened = existing_store(store)
    with opened.lock("repair"):
        names = list(repair(opened))
    for name in names:
        say(f"{name}: set aside")
    again = "; run the sweeps again to make them anew" if names else ""
    say(f"{plural(len(names), 'damaged file')}{again}")


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


def _written(folder: Path) -> Path:
    """A folder that has checksums of its files. Raises InputError."""
    from mubench.store.sums import SUMS

    if not (folder / SUMS).is_file():
        raise InputError(
            f"{folder}: no {SUMS} in it: not a report or a board, or one of an older mubench; "
            "make it again"
        )
    return folder


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
