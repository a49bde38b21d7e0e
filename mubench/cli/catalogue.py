"""Commands about methods and other parts, yours or built in, and the machine: list, check, new."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mubench.cli.options import AsJson, DataDir, PluginFiles, existing_store
from mubench.cli.output import FAILED, OK
from mubench.errors import InputError
from mubench.session.output import console, say

if TYPE_CHECKING:
    from rich.table import Table

new_app = typer.Typer(help="Create a method from a template.", no_args_is_help=True)


class Listed(StrEnum):
    """What `mubench list` knows."""

    methods = "methods"
    datasets = "datasets"
    models = "models"
    metrics = "metrics"
    scenarios = "scenarios"
    sweeps = "sweeps"


def list_(
    kind: Annotated[Listed, typer.Argument(help="What to list.")],
    as_json: AsJson = False,
    plugin: PluginFiles = None,
) -> None:
    """List the methods, data sets, models, metrics, scenarios or built-in sweeps."""
    from mubench.cli.listing import entries

    listed = entries(kind.value)
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
    else:
        console().print(_table(listed))


def check(
    method: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py", help="A method, its card in the same folder; or a built-in name."
        ),
    ],
) -> None:
    """Check a method against the contract that every method must satisfy."""
    from rich.text import Text

    from mubench.methods.contract.check import check

    name = _add_method(method) if method.endswith(".py") else method
    marks = {
        "passed": ("✓", "green"),
        "failed": ("✗", "bold red"),
        "skipped": ("-", "dim"),
        "noted": ("!", "yellow"),
    }
    counts = dict.fromkeys(marks, 0)
    for result in check(name):
        counts[result.status] += 1
        mark, style = marks[result.status]
        reason = f": {result.message}" if result.message else ""
        console().print(Text(f"{mark} {result.clause}", style).append(reason), soft_wrap=True)
    say(f"{name}: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    raise typer.Exit(FAILED if counts["failed"] else OK)


@new_app.command("method")
def new_method(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower case, such as my_method.")],
    folder: Annotated[Path, typer.Option(help="Folder of the two files.")] = Path(),
) -> None:
    """Write a working method and its card, NAME.py and NAME.yaml, which pass `mubench check`."""
    from mubench.cli.scaffold import write_method

    code, card = write_method(name, folder)
    say(f"wrote {code} and {card}")
    say(f"next: mubench check {code}")


def doctor(
    data: DataDir = None,
    store: Annotated[
        str | None,
        typer.Option("--store", help="Also whether the sweeps of this store fit on its disk."),
    ] = None,
) -> None:
    """Check the environment: device, packages, disk, data sets, and a store's space."""
    from mubench.cli.doctor import findings, space

    sweeps = space(existing_store(store), data) if store else ()
    for name, text in chain(findings(data), sweeps):
        say(f"{name:12} {text}")


def _table(listed: Sequence[Mapping[str, str]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    columns = ("name", "title", "about")
    table = Table(*columns, box=None, pad_edge=False)
    for entry in listed:
        table.add_row(*(Text(entry[key]) for key in columns))
    return table


def _add_method(path: str) -> str:
    """Make a method's file known; return its name."""
    from mubench.catalogue import plugins

    plugin = plugins.read_plugin(path)
    if plugin.kind != "methods":
        raise InputError(f"{path}: its card says `kind: {plugin.kind}`; only methods are checked")
    plugins.add([plugin])
    return plugin.name
