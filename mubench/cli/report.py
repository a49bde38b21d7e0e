"""Commands that make more of stored results: report, score."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mubench.cli.options import (
    DataDir,
    OutDir,
    PluginFiles,
    StoredSweep,
    StoreUri,
    SweepOptions,
    existing_store,
    with_options,
)
from mubench.session.output import say
from mubench.session.settings import DEFAULT_STORE, report_folder

if TYPE_CHECKING:
    from mubench.run.open_sweep import OpenSweep
    from mubench.store.results import SweepResults


@with_options
def report(
    sweep: SweepOptions,
    out: OutDir = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option("--tracking-uri", help="Read this MLflow in place of the store."),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="For a large sweep, also importances and figures as files."),
    ] = False,
) -> None:
    """Write the report again from the store, or from MLflow with --tracking-uri."""
    from mubench.report.build import build

    if tracking_uri is not None:
        from mubench.tracking.artifacts import read_source

        source = read_source(Path(sweep.sweep).stem, tracking_uri)
    else:
        source = _last_results(sweep.open())
    written = build(source, report_folder(out, source.name), full=full)
    say(f"report: {written.page}")


def score(
    sweep: StoredSweep,
    store: StoreUri = DEFAULT_STORE,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="A metric to add; default: all. May be repeated."),
    ] = None,
    rerun: Annotated[
        list[str] | None,
        typer.Option(
            "--rerun",
            help="A block of evidence on weights (relearn, probe, weights) to add first: models "
            "whose weights were not kept are made again. May be repeated.",
        ),
    ] = None,
    data: DataDir = None,
    plugin: PluginFiles = None,
) -> None:
    """Add metrics to a finished sweep from its stored outputs; without --rerun no step runs."""
    from mubench.metrics.post_hoc import post_hoc_metrics
    from mubench.run.examples import save_examples
    from mubench.run.post_hoc import add_metrics
    from mubench.store.results_files import read_results, sweep_name
    from mubench.store.retention import require_outputs

    opened, metrics = existing_store(store), post_hoc_metrics(metric or ())
    source = read_results(opened, sweep_name(sweep))
    if rerun:
        from mubench.session.rerun import rerun_with

        rerun_with(source, rerun, opened, data)
        source = read_results(opened, source.name)
    require_outputs(opened, source)
    with opened.lock(source.name):
        for added in add_metrics(opened, source.records, metrics):
            say(str(added))
        save_examples(opened, source, data)


def _last_results(opened: "OpenSweep") -> "SweepResults":
    """Return a sweep's results; those of its last saved run, if this plan has none.

    Other code, other packages or a metric of a plug-in change every id.
    """
    from mubench.store.results_files import read_results

    source = opened.source
    if source.records or opened.plan.name not in opened.store.sweeps():
        return source
    say(
        f"{opened.plan.name}: no records for the current code and sweep; showing the last saved run"
    )
    return read_results(opened.store, opened.plan.name)
