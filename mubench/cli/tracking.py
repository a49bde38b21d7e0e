"""Commands on MLflow: sync."""

from typing import Annotated

import typer

from mubench.cli.options import OutDir, SweepOptions, TrackingUri, with_options
from mubench.session.output import say
from mubench.session.settings import report_folder

app = typer.Typer(help="Send results to MLflow.", no_args_is_help=True)


@app.command()
@with_options
def sync(
    sweep: SweepOptions,
    out: OutDir = None,
    tracking_uri: TrackingUri = None,
    searches: Annotated[bool, typer.Option(help="Also one run for each search trial.")] = False,
) -> None:
    """Complete the runs of a sweep in MLflow from its records, or create them all.

    It can be interrupted at any time; the same command continues.
    """
    from mubench.tracking.attempts import PATIENCE_SECONDS, Attempts
    from mubench.tracking.sync import sync

    opened = sweep.open()
    folder = report_folder(out, opened.plan.name)
    done = sync(
        opened.plan,
        opened.store,
        opened.outline,
        tracking_uri,
        folder if folder.is_dir() else None,
        searches=searches,
        attempts=Attempts(PATIENCE_SECONDS, lambda line: say(f"MLflow: {line}")),
    )
    say(f"MLflow: {done}")
