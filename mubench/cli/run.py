"""Commands that run a sweep and look at it: run, plan, status, retry, reproduce."""

import json
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer

from mubench.cli.options import (
    DEFAULT_STORE,
    AsJson,
    DataDir,
    DeviceChoice,
    DeviceOption,
    PluginFiles,
    RunOptions,
    StoreUri,
    SweepOptions,
    existing_store,
    report_folder,
    with_options,
)
from mubench.cli.output import FAILED, INTERRUPTED, OK, STOPPED, console, say
from mubench.errors import plural

if TYPE_CHECKING:
    from mubench.run.open_sweep import OpenSweep
    from mubench.run.tune.resume import Summary


@with_options
def run(sweep: SweepOptions, options: RunOptions) -> None:
    """Run the missing steps of a sweep, write its report, send results to MLflow.

    It can be interrupted at any time; the same command continues.
    """
    opened = sweep.open_to_run(options)
    with opened.store.lock(opened.plan.name):
        summary = _complete(opened, sweep, options)
    _print_failures(summary, sweep.sweep)


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
    from mubench.run.tune.resume import forget_failures

    opened = sweep.open_to_run(options)
    with opened.store.lock(opened.plan.name):
        say(f"{plural(forget_failures(opened.plan, opened.store), 'failure')} forgotten")
        summary = _complete(opened, sweep, options)
    _print_failures(summary, sweep.sweep)


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


def _complete(opened: "OpenSweep", sweep: SweepOptions, options: RunOptions) -> "Summary":
    """Run the missing steps, then report and track them; the caller holds the store's lock."""
    from mubench.run.examples import save_examples
    from mubench.store.full_disk import told_if_full
    from mubench.store.retention import has_no_outputs
    from mubench.tracking.tracker import tracked

    plan, store = opened.plan, opened.store
    with (
        told_if_full(),
        tracked(
            plan, store, opened.outline, options.tracking_uri, enabled=options.mlflow
        ) as tracker,
    ):
        summary = _run_missing(opened, options, sweep.data, tracker.place if tracker else "")
        if summary.interrupted_by is not None:
            say("interrupted; the same command continues")
            raise typer.Exit(INTERRUPTED if summary.interrupted_by == SIGINT else STOPPED)
        if tracker:
            tracker.catch_up()
        if not has_no_outputs(store, opened.source):
            save_examples(store, opened.source, sweep.data)
        page = _write_report(opened, options.out)
        say(tracker.finish(page.parent) if tracker else "MLflow: off")
    if plan.keep == "records" and not summary.failures and not summary.blocked:
        _release_outputs(opened)
    return summary


def _run_missing(
    opened: "OpenSweep", options: RunOptions, data: str | None, place: str
) -> "Summary":
    from mubench.run.tune.resume import finished, outdated_steps

    _print_outdated(outdated_steps(opened.plan, opened.store), opened.plan.name)
    _require_space(opened)
    opened.save()
    ended = finished(opened.plan, opened.store)
    if ended is not None:
        opened.store.records.compact()  # an earlier run may have been killed before it did
        count = len(opened.plan.steps)
        say(f"{opened.plan.name}: {count} of {plural(count, 'step')} completed, 0 to run")
        return ended
    from mubench.cli.progress import Screen
    from mubench.run.tune.run_plan import run_plan

    if place:
        say(place)
    with Screen(console()) as screen:
        return run_plan(opened.plan, opened.store, screen, cluster=options.cluster, data_dir=data)


def _require_space(opened: "OpenSweep") -> None:
    """Before anything is written: a full disk would end the run in its middle."""
    from mubench.run.storage import require_space

    records = opened.store.records.statuses()
    missing = [step for key, step in opened.plan.steps.items() if key not in records]
    warning = require_space(missing, opened.store)
    if warning is not None:
        say(warning)


def _release_outputs(opened: "OpenSweep") -> None:
    from mubench.store.retention import release_outputs

    count = release_outputs(opened.store, opened.plan.name)
    if count:
        say(f"store.keep: records: outputs of {plural(count, 'step')} deleted")


def _write_report(opened: "OpenSweep", out: Path | None) -> Path:
    from mubench.report.build import build
    from mubench.report.tables.console import console_table

    source = opened.source
    for part in console_table(source):
        console().print(part)
    written = build(source, report_folder(out, source.name))
    say(f"report: {written.page}")
    return written.page


def _print_outdated(steps: int, sweep: str) -> None:
    if steps:
        say(
            f"{sweep}: {plural(steps, 'step')} completed before code, data, versions or settings "
            f"changed: ids are new, and {'this step is' if steps == 1 else 'these steps are'} "
            "computed again"
        )


def _print_failures(summary: "Summary", sweep: str) -> None:

    if not summary.failures and not summary.blocked:
        return
    for record in summary.failures:
        say(f"{record.status}: {record.kind} {record.row} {record.request}: {record.message}")
    say(
        f"{plural(len(summary.failures), 'step')} failed, "
        f"{plural(summary.blocked, 'dependent step')} not run; "
        f"run them again with 'mubench retry {sweep} --failed'"
    )
    raise typer.Exit(FAILED)
