"""Commands that run a sweep and look at it: run, plan, status, stats, retry, reproduce."""

import json
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer

from mubench.cli.options import (
    AsJson,
    DataDir,
    DeviceChoice,
    DeviceOption,
    PluginFiles,
    RunOptions,
    StoreUri,
    SweepOptions,
    existing_store,
    with_options,
)
from mubench.cli.output import FAILED, INTERRUPTED, OK, STOPPED
from mubench.errors import plural
from mubench.session.output import console, say
from mubench.session.settings import DEFAULT_STORE

if TYPE_CHECKING:
    from mubench.run.open_sweep import OpenSweep


@with_options
def run(
    sweep: SweepOptions,
    options: RunOptions,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="At the end, show where time went, as `stats` does."),
    ] = False,
) -> None:
    """Run the missing steps of a sweep, write its report, send results to MLflow.

    It can be interrupted at any time; the same command continues.
    """
    _complete(sweep, options, show_times=profile)


@with_options
def retry(
    sweep: SweepOptions,
    options: RunOptions,
    failed: Annotated[
        bool,
        typer.Option("--failed", show_default=False, help="Retry failed steps; always on."),
    ] = True,
) -> None:
    """Run the failed steps of a sweep again (error, out_of_memory, timed_out)."""
    _complete(sweep, options, retry=True)


@with_options
def plan(sweep: SweepOptions, as_json: AsJson = False) -> None:
    """Show what a sweep would run: cells, trainings, trials, cached steps, and the cost."""
    from mubench.cli.plan_text import plan_json, plan_table
    from mubench.run.estimate import estimate

    opened = sweep.open()
    costs = estimate(opened.plan, opened.store.records.read())
    if as_json:
        typer.echo(json.dumps(plan_json(opened.plan, costs), indent=2))
        return
    for part in plan_table(opened.plan, costs):
        console().print(part)


@with_options
def status(sweep: SweepOptions) -> None:
    """Show the progress of a sweep: steps with a record of all steps, and what failed."""
    opened = sweep.open()
    steps = opened.plan.steps
    statuses = opened.store.records.statuses()
    done = [key for key in steps if key in statuses]
    say(f"{opened.plan.name}: {len(done)} of {plural(len(steps), 'step')} completed")
    problems = [key for key in done if statuses[key] != "ok"]
    for record in opened.store.records.read(problems).values() if problems else ():
        say(f"{record.status}: {steps[record.id].title}: {record.message}")


@with_options
def stats(sweep: SweepOptions, as_json: AsJson = False) -> None:
    """Show where the time of a sweep went: seconds of its steps by kind and phase, idle workers."""
    opened = sweep.open()
    if as_json:
        from mubench.cli.stats_text import stats_json

        typer.echo(json.dumps(stats_json(opened), indent=2))
        return
    _show_times(opened)


def reproduce(
    row: Annotated[
        str, typer.Argument(metavar="ROW", help="A record's id, or its first digits: 6 or more.")
    ],
    store: StoreUri = DEFAULT_STORE,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder of a report, instead of a store.")
    ] = None,
    data: DataDir = None,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Run the step of one record again, in a temporary store, and compare the results."""
    from mubench.run.instructions import keep_to
    from mubench.store.lookup import find_in_report, find_in_store

    record, place = (
        find_in_report(report, row) if report else find_in_store(existing_store(store), row)
    )
    if record.numerics.get("capability") == "AVX2":
        keep_to("AVX2")  # before torch is loaded: a newer processor can do as that one did
    from mubench.cli.reproduce_text import comparison_text, recipe_text
    from mubench.run.compare_records import compare_records
    from mubench.run.environment import commit
    from mubench.run.reproduce import find_steps, run_again

    [reproduction] = find_steps(place, [record], device.asked, data)
    for part in recipe_text(reproduction, place, commit()):
        console().print(part)
    [now] = run_again([reproduction], place, data)
    compared = compare_records(record, now)
    for part in comparison_text(compared):
        console().print(part)
    raise typer.Exit(OK if compared.is_equal else FAILED)


def _show_times(opened: "OpenSweep") -> None:
    from mubench.cli.stats_text import stats_table

    for part in stats_table(opened):
        console().print(part)


def _complete(
    sweep: SweepOptions, options: RunOptions, *, retry: bool = False, show_times: bool = False
) -> None:
    """Run the missing steps, then report and track them; the exit code says how it ended."""
    from mubench.session.complete import complete, tell_failures

    opened = sweep.open_to_run(options)
    ended = complete(opened, options.settings(sweep.data), retry=retry)
    if ended.interrupted_by is not None:
        say("interrupted; the same command continues")
        raise typer.Exit(INTERRUPTED if ended.interrupted_by == SIGINT else STOPPED)
    if show_times:
        _show_times(opened)
    if tell_failures(ended, f"'mubench retry {sweep.sweep} --failed'"):
        raise typer.Exit(FAILED)
