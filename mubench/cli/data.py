"""Commands on data sets and forget sets: fetch, check, export."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mubench.cli.options import (
    DataDir,
    PluginFiles,
    SetValues,
    StoredSweep,
    StoreUri,
    SweepName,
    existing_store,
    with_options,
)
from mubench.cli.output import FAILED, OK
from mubench.errors import plural
from mubench.session.output import console, say
from mubench.session.settings import DEFAULT_STORE

if TYPE_CHECKING:
    from mubench.catalogue.card_schema import DataCard
    from mubench.sweep.grid import DatasetSpec

SPLITS = ("train", "validation", "test")

app = typer.Typer(help="Download and check data sets; write forget sets.", no_args_is_help=True)

DatasetName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A data set of `mubench list datasets`, a folder or file of your own, or the sweep "
        "file that has it.",
    ),
]


def _specs(name: str, command: str) -> "Sequence[DatasetSpec]":
    """The data set of a name, those of a sweep, or a person's own data."""
    from mubench.catalogue import cards
    from mubench.data.own.entry import default_name
    from mubench.sweep.grid import DatasetSpec
    from mubench.sweep.load import load

    known = name in cards.names("datasets")
    if not known and Path(name).suffix in (".yaml", ".yml"):
        return load(name).spec.grid.dataset
    if not known and ("/" in name or Path(name).exists()):
        taken = default_name(name) in cards.names("datasets")
        more = {"name": f"my-{default_name(name)}"} if taken else {}
        return [DatasetSpec.of_own({"path": name, **more})]
    return [DatasetSpec(name=cards.dataset(name, f"data {command}").name)]


def _cards(name: str, command: str) -> "list[DataCard]":
    return [spec.card for spec in _specs(name, command)]


@app.command()
def fetch(name: DatasetName, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """Download a data set if it is missing, and decode it into the cache."""
    from mubench.data.fetch import fetch_data

    for card in _cards(name, "fetch"):
        for what, text in fetch_data(card, data):
            say(f"{what:12} {text}")


@app.command()
def check(name: DatasetName, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """Show what a data set holds, and whether it matches its card."""
    from mubench.data.fetch import check_data

    wrong = 0
    for spec in _specs(name, "check"):
        for what, text in check_data(spec.card, data, spec.options):
            wrong += what == "wrong"
            say(f"{what:12} {text}")
    raise typer.Exit(FAILED if wrong else OK)


@app.command()
def classes(name: DatasetName, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """List the classes of a data set with their numbers, and the examples of each."""
    from rich.table import Table

    from mubench.data.fetch import class_counts

    for card in _cards(name, "classes"):
        table = Table(box=None, pad_edge=False)
        table.add_column("number", justify="right")
        table.add_column("class")
        for split in SPLITS:
            table.add_column(split, justify="right")
        for number, (title, counts) in enumerate(class_counts(card, data)):
            table.add_row(str(number), title, *map(str, counts))
        console().print(table)


@app.command()
def report(
    name: DatasetName,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the pages; default: reports/data.")
    ] = None,
    data: DataDir = None,
    plugin: PluginFiles = None,
) -> None:
    """Write a page for each data set: classes, examples, twins, and what was found."""
    from mubench.data.atomic import write_atomically
    from mubench.report.data_page import data_page
    from mubench.run.data_summary import summarise

    for spec in _specs(name, "report"):
        path = (out or Path("reports", "data")) / f"{spec.name}.html"
        summary = summarise(spec.card, spec.options, data)
        write_atomically(path, data_page(summary).encode())
        say(str(path))


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


@dataclass(frozen=True)
class DifficultyOptions:
    """Which examples are asked for, and how many."""

    by: Annotated[
        Literal["memorisation", "confidence"],
        typer.Option(
            help="What an example is judged by: how much more confident in its label originals are "
            "than Retrains that did not see it; or how confident originals are."
        ),
    ]
    which: Annotated[
        Literal["lowest", "highest", "mixed"],
        typer.Option(help="mixed: a third each of the lowest, the middle and the highest."),
    ]
    ratio: Annotated[float, typer.Option(help="Share of D_tr in each forget set.")]
    sets: Annotated[
        int, typer.Option(min=1, help="Forget sets for final requests, beside one for searches.")
    ] = 1


@app.command()
@with_options
def select(
    sweep: StoredSweep,
    difficulty: DifficultyOptions,
    out: Annotated[Path, typer.Option("--out", help="Folder of the forget sets.")],
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    plugin: PluginFiles = None,
) -> None:
    """Write forget sets of easy or hard examples, from a finished sweep's stored outputs."""
    from mubench.run.select_forget_sets import Difficulty, select_forget_sets
    from mubench.store.results_files import read_results, sweep_name

    opened = existing_store(store)
    results = read_results(opened, sweep_name(sweep))
    for line in select_forget_sets(opened, results, Difficulty(**asdict(difficulty)), out, data):
        say(line)
