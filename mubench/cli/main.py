"""All commands, in the order in which help lists them, and how an error ends the program.

Heavy imports wait inside the commands until they are needed: help loads none of them.
"""

import io
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import typer

from mubench import __version__
from mubench.cli import catalogue, data, leaderboard, optuna, report, run, store, tracking
from mubench.cli.failures import explain, warn
from mubench.cli.output import INTERRUPTED

app = typer.Typer(
    help="Benchmark machine unlearning: one sweep file, one command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "plan": run.plan,
    "status": run.status,
    "stats": run.stats,
    "retry": run.retry,
    "reproduce": run.reproduce,
    "report": report.report,
    "score": report.score,
    "compare": leaderboard.compare,
    "list": catalogue.list_,
    "check": catalogue.check,
    "doctor": catalogue.doctor,
}
_GROUPS = {
    "new": catalogue.new_app,
    "data": data.app,
    "store": store.app,
    "leaderboard": leaderboard.app,
    "mlflow": tracking.app,
    "optuna": optuna.app,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
for name, group in _GROUPS.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line; an error is one line on stderr, and a traceback only with --debug."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # ASCII or Latin-1: a name may have other letters
            stream.reconfigure(errors="replace")
    if "--debug" in sys.argv:
        sys.argv.remove("--debug")
        app()
        return
    warnings.showwarning = warn
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - nothing passes: a traceback helps no user
        line, code = explain(error)
        typer.echo(f"mubench: {line}", err=True)
        sys.exit(code)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
