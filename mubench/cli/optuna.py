"""Commands on Optuna: export."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from mubench.cli.options import SweepOptions, existing_store, with_options
from mubench.errors import plural
from mubench.session.output import say

if TYPE_CHECKING:
    from mubench.run.tune.optuna_export import Exported

app = typer.Typer(help="Show searches in optuna-dashboard.", no_args_is_help=True)


@app.command()
@with_options
def export(
    sweep: SweepOptions,
    to: Annotated[
        str | None,
        typer.Option(
            help="A journal file, or a database such as sqlite:///studies.db; "
            "default: optuna.log in the store."
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Go on while the sweep runs, to its last candidate."),
    ] = False,
) -> None:
    """Write the searches of a sweep as studies of Optuna; again, it adds what is new.

    Open them with optuna-dashboard, also while the sweep runs.
    """
    from mubench.run.tune import optuna_export

    existing_store(sweep.store)
    opened = sweep.open()
    target = to or optuna_export.default_target(opened.store)
    _print(optuna_export.export(opened.plan, opened.store, target), target)
    say(f"open with: optuna-dashboard {target}")
    if follow:
        with suppress(KeyboardInterrupt):  # how following ends
            for exported in optuna_export.follow(opened.plan, opened.store, target):
                if exported.added:
                    _print(exported, target)


def _print(exported: "Exported", target: str) -> None:
    candidates = plural(exported.candidates, "candidate")
    studies = plural(exported.studies, "study", "studies")
    say(f"{candidates} of {studies} in {target} ({exported.added} new)")
