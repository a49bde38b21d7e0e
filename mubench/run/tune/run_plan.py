"""Run what a plan still lacks: Ray Tune does the work, the store keeps it."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ray import tune
from ray.tune import CLIReporter, RunConfig, TuneConfig

from mubench.catalogue import plugins
from mubench.catalogue.card_schema import DataCard
from mubench.catalogue.ids import source_id
from mubench.data.availability import UNKNOWN, require_data
from mubench.data.scratch import scratch_folder
from mubench.data.sources.locate import is_in_files
from mubench.errors import DataError, plural
from mubench.run.step_result import not_run
from mubench.run.tune.cluster import (
    ClusterConfig,
    ask_for,
    connected,
    dashboard,
    nodes,
    require_room,
    watched_head,
)
from mubench.run.tune.dispatch import RETRIES, Dispatcher
from mubench.run.tune.interrupt import interruptible, stop_workers
from mubench.run.tune.messages import Job
from mubench.run.tune.pool import Node, Share, room_for
from mubench.run.tune.record_queue import RecordQueue
from mubench.run.tune.resume import Summary, usable_records
from mubench.run.tune.schedule import Schedule
from mubench.run.tune.tune_hooks import StepScheduler, StopWhenOver, WorkerSearcher
from mubench.run.tune.watch import Progress, Watch
from mubench.run.tune.worker import Worker
from mubench.run.tune.worker_times import WorkerTimes
from mubench.store.record import Record
from mubench.store.run_log import RunTimes
from mubench.store.store import Store
from mubench.sweep.parallelism import parallelism
from mubench.sweep.plan import Plan
from mubench.sweep.step_ids import sources_of
from mubench.sweep.steps import Step


def run_plan(
    plan: Plan,
    store: Store,
    progress: Progress,
    *,
    cluster: ClusterConfig | None = None,
    data_dir: str | None = None,
    worker: type[Worker] = Worker,
) -> Summary:
    """Run every step that has no record yet; safe to interrupt and to call again.

    Raises:
        DataError: a data set is not on this machine, which is to do the work.
        StoreError: the store cannot be written; what was finished is kept.
        RunError: a step fits no node, or workers cannot start; what was finished is kept.
    """
    began, wall, cpu = datetime.now(UTC), time.perf_counter(), time.process_time()
    workers = WorkerTimes()
    cluster = cluster or ClusterConfig()
    schedule = Schedule(plan, usable_records(plan, store))
    had = len(schedule.records)
    if cluster.address is None and not schedule.is_finished:
        require_data(_cards(plan, plan.steps.keys() - schedule.records.keys()), data_dir)
    _require_known(plan, schedule)
    progress.start(schedule)
    with interruptible() as interruption:
        if not schedule.is_finished:
            with connected(cluster), watched_head():
                interruption.install()
                due = _due(plan, schedule)
                if not cluster.wait:
                    require_room(due, nodes())
                _say_where(progress, due)
                worker = tune.with_parameters(worker, job=_job(plan, store, data_dir))
                watch = Watch(
                    progress, nodes, ask_for if cluster.address else None, interruption.install
                )
                _run_steps(store, schedule, watch, worker, workers)
    ran = len(schedule.records) - had
    store.records.compact()
    times = RunTimes(
        began=began.isoformat(timespec="seconds"),
        steps=ran,
        wall_seconds=time.perf_counter() - wall,
        driver_seconds=time.process_time() - cpu,
        worker_seconds=workers.seconds,
    )
    return Summary(schedule.records, ran, len(schedule.blocked), interruption.signum, times)


def _due(plan: Plan, schedule: Schedule) -> list[Step]:
    """The steps that will run; a worker records a refused one too."""
    ended = schedule.records.keys() | schedule.blocked
    return [step for key, step in plan.steps.items() if key not in ended]


def _require_known(plan: Plan, schedule: Schedule) -> None:
    """Refuse to run on data files that this machine has not decoded.

    Their steps would have one id whatever the workers find, and be taken for each other later.
    """
    for key in plan.steps.keys() - schedule.records.keys():
        training = plan.steps[key].training
        if training.data_id == UNKNOWN and is_in_files(training.dataset.card.card):
            raise DataError(
                f"dataset {training.dataset.name}: its files are not on this machine, and nothing "
                "else says what they are; give --data here too, so that results can be told apart"
            )


def _cards(plan: Plan, keys: Iterable[str]) -> list[DataCard]:
    """Cards of the data sets that some steps need, one each."""
    datasets = [plan.steps[key].training.dataset for key in keys]
    return list({dataset.label: dataset.card for dataset in datasets}.values())


def _job(plan: Plan, store: Store, data_dir: str | None) -> Job:
    sources = sources_of(plan.steps.values())
    return Job(
        store_uri=store.files.absolute_uri,
        token=store.leave_token(),
        data_dir=str(Path(data_dir).absolute()) if data_dir else None,
        added_plugins=plugins.added(),
        sources=sources,
        code=source_id(*sources),
    )


def _say_where(progress: Progress, due: Iterable[Step]) -> None:
    """Say where to look, and whether there are more workers than the sweep can use."""
    url = dashboard()
    if url is not None:
        progress.say(f"Ray's dashboard: {url}")
    steps = {step.id: step for step in due}
    room = max(room_for(share, nodes()) for share in {Share.of(step) for step in steps.values()})
    used = parallelism(steps).most
    if room > used:
        progress.say(
            f"there is room for {plural(room, 'worker')}, and this sweep can use {used} at once; "
            "more candidates run at a time with a larger search.parallel in the sweep file"
        )


def _run_steps(
    store: Store,
    schedule: Schedule,
    watch: Watch,
    worker: type[tune.Trainable],
    times: WorkerTimes,
) -> None:
    """Let Ray Tune run workers until all is done."""

    def store_all(records: Sequence[Record]) -> None:
        store.records.append(*records)

    def stored(record: Record) -> None:
        watch.progress.finished(record, schedule)

    def look() -> Sequence[Node]:
        queue.look()
        return watch()

    with RecordQueue(store_all, stored) as queue:
        started = watch.progress.started
        dispatcher = Dispatcher(schedule, look, queue.put, _lost, started, times=times)
        watch.dispatcher = dispatcher
        try:
            _fit(dispatcher, worker)
        except KeyboardInterrupt:
            watch.progress.say("stopping: trainings keep a checkpoint")
            stop_workers(dispatcher.starts)
            raise
        finally:
            watch.end()
    if dispatcher.error is not None:
        raise dispatcher.error


def _fit(dispatcher: Dispatcher, worker: type[tune.Trainable]) -> None:
    with scratch_folder() as folder:
        tuner = tune.Tuner(
            worker,
            tune_config=TuneConfig(
                search_alg=WorkerSearcher(dispatcher),
                scheduler=StepScheduler(dispatcher),
                num_samples=-1,
            ),
            run_config=RunConfig(
                name="sweep",
                storage_path=str(folder),
                verbose=0,
                stop=StopWhenOver(dispatcher),
                progress_reporter=CLIReporter(max_report_frequency=86400),
            ),
        )
        tuner.fit()


def _lost(step: Step) -> Record:
    message = (
        f"its worker died or could not start, {RETRIES + 1} times: "
        "out of host memory, killed from outside, or without access to the store?"
    )
    return not_run("error", step, message)
