"""Run what a sweep lacks, write its report, send results to MLflow, and say what happens."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mubench.errors import plural
from mubench.metrics.post_hoc import post_hoc_metrics
from mubench.report.build import build
from mubench.report.tables.console import console_table
from mubench.run.examples import save_examples
from mubench.run.open_sweep import OpenSweep
from mubench.run.post_hoc import add_metrics
from mubench.run.storage import require_space
from mubench.session.output import console, say
from mubench.session.settings import Settings, report_folder
from mubench.store.full_disk import told_if_full
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.retention import has_no_outputs, release_outputs
from mubench.store.run_log import log_run
from mubench.tracking.tracker import tracked


@dataclass(frozen=True)
class Completed:
    """How a run ended."""

    page: Path | None
    """The page of the report; None where the run was interrupted."""
    results: SweepResults
    failures: Sequence[Record] = ()
    blocked: int = 0
    """Steps that did not run because one that they need failed."""
    interrupted_by: int | None = None
    """The signal that ended it early."""


def complete(opened: OpenSweep, settings: Settings, *, retry: bool = False) -> Completed:
    """Run the missing steps of a sweep, with `retry` the failed ones too; then report and track.

    Raises:
        DataError: a data set is not on this machine, which is to do the work.
        StoreError: the store cannot be written, or another run writes it.
        RunError: a step fits no node, or workers cannot start; what was finished is kept.
    """
    with opened.store.lock(opened.plan.name):
        if retry:
            from mubench.run.tune.resume import forget_failures

            count = forget_failures(opened.plan, opened.store)
            say(f"{plural(count, 'failure')} forgotten")
        return _complete(opened, settings)


def tell_failures(completed: Completed, again: str) -> bool:
    """Say which steps failed and how to run them again; return whether any did."""
    if not completed.failures and not completed.blocked:
        return False
    for record in completed.failures:
        say(f"{record.status}: {record.kind} {record.row} {record.request}: {record.message}")
    say(
        f"{plural(len(completed.failures), 'step')} failed, "
        f"{plural(completed.blocked, 'dependent step')} not run; run them again with {again}"
    )
    return True


def _complete(opened: OpenSweep, settings: Settings) -> Completed:
    """The caller holds the store's lock."""
    plan, store = opened.plan, opened.store
    uri, enabled = settings.tracking_uri, settings.mlflow
    with told_if_full(), tracked(plan, store, opened.outline, uri, enabled=enabled) as tracker:
        ended = _run_missing(opened, settings, tracker.place if tracker else "")
        if ended.interrupted_by is not None:
            return ended
        if tracker:
            tracker.catch_up()
        if not has_no_outputs(store, opened.source):
            save_examples(store, opened.source, settings.data_dir)
            _add_evidence(opened)
        source = opened.source
        page = _write_report(source, report_folder(settings.out, source.name))
        say(tracker.finish(page.parent) if tracker else "MLflow: off")
    if plan.keep == "records" and not ended.failures and not ended.blocked:
        _release_outputs(opened)
    return Completed(page, source, ended.failures, ended.blocked)


def _run_missing(opened: OpenSweep, settings: Settings, place: str) -> Completed:
    from mubench.run.tune.resume import finished, outdated_steps

    _tell_outdated(outdated_steps(opened.plan, opened.store), opened.plan.name)
    _require_space(opened)
    opened.save()
    summary = finished(opened.plan, opened.store)
    if summary is not None:
        opened.store.records.compact()  # an earlier run may have been killed before it did
        count = len(opened.plan.steps)
        say(f"{opened.plan.name}: {count} of {plural(count, 'step')} completed, 0 to run")
    else:
        with _without_words_about_widgets():
            from mubench.run.tune.run_plan import run_plan  # here: it loads Ray and torch
        from mubench.session.progress import Screen

        if place:
            say(place)
        with Screen(console()) as screen:
            summary = run_plan(
                opened.plan,
                opened.store,
                screen,
                cluster=settings.cluster,
                data_dir=settings.data_dir,
            )
        if summary.times is not None:
            log_run(opened.store, opened.plan.name, summary.times)
    return Completed(
        None, opened.outline, summary.failures, summary.blocked, summary.interrupted_by
    )


@contextmanager
def _without_words_about_widgets() -> Iterator[None]:
    """Loaded in a notebook, Ray and its tqdm ask for widgets that nothing here uses."""
    logging.getLogger("ray.widgets").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        yield


def _require_space(opened: OpenSweep) -> None:
    """Before anything is written: a full disk would end the run in its middle."""
    records = opened.store.records.statuses()
    missing = [step for key, step in opened.plan.steps.items() if key not in records]
    warning = require_space(missing, opened.store)
    if warning is not None:
        say(warning)


def _add_evidence(opened: OpenSweep) -> None:
    """Compute the blocks of evidence that stored outputs allow."""
    names = opened.loaded.spec.evidence.metrics
    if not names:  # of which all metrics would be computed
        return
    for added in add_metrics(opened.store, opened.source.records, post_hoc_metrics(names)):
        say(str(added))


def _release_outputs(opened: OpenSweep) -> None:
    count = release_outputs(opened.store, opened.plan.name)
    if count:
        say(f"store.keep: records: outputs of {plural(count, 'step')} deleted")


def _write_report(source: SweepResults, out: Path) -> Path:
    printer = console()
    if not printer.is_jupyter:  # a notebook shows the table of the result
        for part in console_table(source):
            printer.print(part)
    written = build(source, out)
    say(f"report: {written.page}")
    return written.page


def _tell_outdated(steps: int, sweep: str) -> None:
    if steps:
        say(
            f"{sweep}: {plural(steps, 'step')} completed before code, data, versions or settings "
            f"changed: ids are new, and {'this step is' if steps == 1 else 'these steps are'} "
            "computed again"
        )
