"""The command line: thin, the only place that prints. Heavy imports wait until they are needed."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mubench import __version__, plugins
from mubench.errors import MubenchError

if TYPE_CHECKING:
    from rich.console import Console

    from mubench.kinds import Device
    from mubench.opened import Sweep
    from mubench.report.source import ReportSource
    from mubench.store.store import Store
    from mubench.sweep.resume import Summary

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    help="Benchmark machine unlearning: one sweep file, one command.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
mlflow_app = typer.Typer(help="MLflow, a view of the records.", no_args_is_help=True)
store_app = typer.Typer(help="Look after a store.", no_args_is_help=True)
data_app = typer.Typer(help="Look after data sets and forget sets.", no_args_is_help=True)
new_app = typer.Typer(help="Begin something of your own.", no_args_is_help=True)
app.add_typer(new_app, name="new")
app.add_typer(data_app, name="data")
app.add_typer(mlflow_app, name="mlflow")
app.add_typer(store_app, name="store")
board_app = typer.Typer(help="One static site from many sweeps; rows that others contribute.")
app.add_typer(board_app, name="leaderboard")

SweepName = Annotated[str, typer.Argument(help="A sweep file, or the name of one that ships.")]
StoreUri = Annotated[str, typer.Option("--store", help="Folder or URI of records and artefacts.")]
SetValues = Annotated[
    list[str] | None, typer.Option("--set", help="Change a value: key.path=value (YAML).")
]
DataDir = Annotated[
    str | None, typer.Option("--data", envvar="MUBENCH_DATA", help="Folder of data sets.")
]
OutDir = Annotated[
    Path | None, typer.Option("--out", help="Folder of the report; reports/<name> by default.")
]
TrackingUri = Annotated[
    str | None,
    typer.Option("--tracking-uri", help="MLflow server; by default SQLite in the store."),
]
Mlflow = Annotated[bool, typer.Option(help="Send results to MLflow.")]
Address = Annotated[
    str | None, typer.Option(envvar="RAY_ADDRESS", help="Ray cluster to join; else this machine.")
]


def _add_plugins(paths: list[str] | None) -> list[str] | None:
    plugins.add([plugins.read(path) for path in paths or ()])
    return paths


PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        callback=_add_plugins,
        metavar="FILE.py",
        help="A method, data set, model or metric of your own; its card FILE.yaml lies beside it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_STORE = ".mubench"


class DeviceChoice(StrEnum):
    """Where steps run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DeviceOption = Annotated[
    DeviceChoice, typer.Option(help="auto: a GPU if the sweep asks for one and there is one.")
]


class Listed(StrEnum):
    """What `mubench list` knows."""

    methods = "methods"
    datasets = "datasets"
    models = "models"
    metrics = "metrics"
    scenarios = "scenarios"
    sweeps = "sweeps"


@app.command()
def run(
    sweep: SweepName,
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    set_: SetValues = None,
    out: OutDir = None,
    tracking_uri: TrackingUri = None,
    mlflow: Mlflow = True,
    address: Address = None,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Run what is missing, report, track. Interrupt it at any time; the same command goes on."""
    from mubench.exhibits import keep_exhibits
    from mubench.tracking.run import tracked

    opened = _open(sweep, store, set_, device, data, address, decode=True)
    console = _console()
    plan = opened.plan
    with (
        opened.store.lock(plan.name),
        tracked(plan, opened.store, opened.outline, tracking_uri, enabled=mlflow) as tracker,
    ):
        summary = _run(opened, console, address, data)
        if summary.was_interrupted:
            console.print(f"interrupted; 'mubench run {sweep}' goes on from here", markup=False)
            raise typer.Exit(INTERRUPTED)
        keep_exhibits(opened.store, opened.source, data)
        page = _report(opened, console, out)
        console.print(tracker.finish(page.parent), markup=False, soft_wrap=True)
    _tell_failures(summary, console, sweep)


@app.command()
def plan(
    sweep: SweepName,
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    set_: SetValues = None,
    device: DeviceOption = DeviceChoice.auto,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
) -> None:
    """Show what would run: cells, trainings, trials, what is cached, and what it costs."""
    from mubench.estimate import estimate
    from mubench.plan_text import plan_json, plan_table

    opened = _open(sweep, store, set_, device, data)
    costs = estimate(opened.plan, opened.store.records.read())
    if as_json:
        typer.echo(json.dumps(plan_json(opened.plan, costs), indent=2))
    else:
        for part in plan_table(opened.plan, costs):
            _console().print(part)


@app.command()
def report(
    sweep: SweepName,
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    set_: SetValues = None,
    out: OutDir = None,
    tracking_uri: TrackingUri = None,
    full: Annotated[
        bool, typer.Option("--full", help="Also a large sweep's importances and figures as files.")
    ] = False,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Rebuild the report from the store, or from MLflow with --tracking-uri."""
    from mubench.report.build import build

    if tracking_uri is not None:
        from mubench.tracking.artifacts import read_source

        source = read_source(Path(sweep).stem, tracking_uri)
    else:
        source = _reported(_open(sweep, store, set_, device, data))
    written = build(source, out or Path("reports") / source.name, full=full)
    _console().print(f"report: {written.page}", markup=False, soft_wrap=True)


@app.command()
def score(
    sweep: Annotated[str, typer.Argument(help="A sweep that was run into the store, or its file.")],
    store: StoreUri = DEFAULT_STORE,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this one; may stand several times.")
    ] = None,
    data: DataDir = None,
    plugin: PluginFiles = None,
) -> None:
    """Add metrics to a finished sweep from its stored outputs; nothing runs."""
    from mubench.exhibits import keep_exhibits
    from mubench.gathered import name_of, saved
    from mubench.later import add_metrics
    from mubench.metrics.later import later_metrics

    opened, metrics = _existing(store), later_metrics(metric or ())
    source = saved(opened, name_of(sweep))
    with opened.lock(source.name):
        for added in add_metrics(opened, source.records, metrics):
            _console().print(str(added), markup=False, soft_wrap=True)
        keep_exhibits(opened, source, data)


@app.command("list")
def list_(kind: Listed, as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """List what there is."""
    from mubench.listing import entries

    found = entries(kind.value)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("name", "title", "about"):
        table.add_column(column)
    for entry in found:
        table.add_row(*(Text(str(entry[key])) for key in ("name", "title", "about")))
    _console().print(table)


@app.command()
def status(
    sweep: SweepName,
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    set_: SetValues = None,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Say how a sweep stands: done, left, and what failed."""
    opened = _open(sweep, store, set_, device, data)
    records = opened.store.records.read(opened.plan.steps)
    console = _console()
    console.print(f"{opened.plan.name}: {len(records)} of {len(opened.plan.steps)} steps done")
    for record in records.values():
        if record.status != "ok":
            title = opened.plan.steps[record.id].title
            console.print(
                f"{record.status}: {title}: {record.message}", markup=False, soft_wrap=True
            )


@app.command()
def retry(
    sweep: SweepName,
    failed: Annotated[bool, typer.Option("--failed", help="Forget failures, then run.")] = True,
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    set_: SetValues = None,
    out: OutDir = None,
    tracking_uri: TrackingUri = None,
    mlflow: Mlflow = True,
    address: Address = None,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Run the failures of a sweep again (error, out_of_memory, timed_out)."""
    from mubench.sweep.resume import forget_failures

    del failed  # there is nothing else to retry; the word makes the command readable
    opened = _open(sweep, store, set_, device, data, address, decode=True)
    with opened.store.lock(opened.plan.name):
        failed_steps = forget_failures(opened.plan, opened.store)
    _console().print(f"{failed_steps} failures forgotten")
    run(sweep, store, data, set_, out, tracking_uri, mlflow, address, device, plugin)


@app.command()
def reproduce(
    row: Annotated[
        str, typer.Argument(metavar="ROW", help="A record's id, or its first digits: 6 or more.")
    ],
    store: StoreUri = DEFAULT_STORE,
    report: Annotated[
        Path | None, typer.Option("--report", help="A report's folder, in place of a store.")
    ] = None,
    data: DataDir = None,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Run the one step behind a number again, in a store of its own, and compare."""
    from mubench.circumstances import commit
    from mubench.comparison import compare
    from mubench.lookup import in_report, in_store
    from mubench.reproduce import again, find
    from mubench.reproduce_text import comparison_text, recipe_text

    record, place = in_report(report, row) if report else in_store(_existing(store), row)
    found = find(place, [record], _asked(device), data)
    for part in recipe_text(found[0], place, commit()):
        _console().print(part)
    [now] = again(found, place, data)
    compared = compare(record, now)
    for part in comparison_text(compared):
        _console().print(part)
    raise typer.Exit(OK if compared.is_equal else FAILED)


@mlflow_app.command("sync")
def mlflow_sync(
    sweep: SweepName,
    store: StoreUri = DEFAULT_STORE,
    data: DataDir = None,
    set_: SetValues = None,
    out: OutDir = None,
    tracking_uri: TrackingUri = None,
    searches: Annotated[bool, typer.Option(help="One run for each search trial too.")] = False,
    device: DeviceOption = DeviceChoice.auto,
    plugin: PluginFiles = None,
) -> None:
    """Complete MLflow from the records, or rebuild it from nothing."""
    from mubench.tracking.sync import sync

    opened = _open(sweep, store, set_, device, data)
    folder = out or Path("reports") / opened.plan.name
    done = sync(
        opened.plan,
        opened.store,
        opened.outline,
        tracking_uri,
        folder if folder.is_dir() else None,
        searches=searches,
    )
    _console().print(f"MLflow: {done}", markup=False, soft_wrap=True)


@store_app.command("verify")
def store_verify(store: StoreUri = DEFAULT_STORE) -> None:
    """Check every stored file against its checksum."""
    artefacts = _existing(store).artefacts
    problems = [p for p in map(artefacts.verify, sorted(artefacts.ids())) if p is not None]
    for problem in problems:
        _console().print(problem, markup=False, soft_wrap=True)
    _console().print(f"{len(artefacts.ids())} artefacts, {len(problems)} damaged")
    raise typer.Exit(FAILED if problems else OK)


@store_app.command("gc")
def store_gc(store: StoreUri = DEFAULT_STORE) -> None:
    """Delete artefacts that no record names: of interrupted steps and older code, preparations."""
    opened = _existing(store)
    with opened.lock("gc"):
        named = {record.unlearn_id for record in opened.records.read().values()}
        loose = opened.artefacts.ids() - named
        for key in loose:
            opened.artefacts.discard(key)
        opened.records.compact()
    _console().print(f"{len(loose)} artefacts deleted")


@store_app.command("export")
def store_export(target: Path, store: StoreUri = DEFAULT_STORE) -> None:
    """Write all records as one Parquet or CSV file."""
    from mubench.errors import InputError
    from mubench.store.export import export

    if target.suffix not in (".parquet", ".csv"):
        raise InputError(f"{target}: end the name in .parquet or .csv")
    count = export(_existing(store), target)
    _console().print(f"{count} records in {target}", markup=False)


@board_app.callback(invoke_without_command=True)
def leaderboard(
    context: typer.Context,
    store: Annotated[
        list[str] | None, typer.Option(help="A store of sweeps; may be given several times.")
    ] = None,
    tracking_uri: Annotated[
        list[str] | None, typer.Option(help="An MLflow server of sweeps; several times.")
    ] = None,
    report: Annotated[
        list[Path] | None, typer.Option(help="The folder of a report; several times.")
    ] = None,
    rows: Annotated[
        list[Path] | None, typer.Option(help="A folder or file of rows; several times.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = Path("leaderboard"),
    plugin: PluginFiles = None,
) -> None:
    """Build a static site from all sweeps of stores and servers, and from contributed rows."""
    from mubench.board.build import build
    from mubench.board.collect import Places

    if context.invoked_subcommand is not None:
        return
    is_bare = not (store or tracking_uri or report or rows)
    stores = [DEFAULT_STORE] if is_bare else store or []
    written = build(Places(stores, tracking_uri or [], report or [], rows or []), out)
    removed = f", {written.removed} older ones removed" if written.removed else ""
    text = f"{written.rows} rows, {written.files} files{removed}\nleaderboard: {written.page}"
    _console().print(text, markup=False, soft_wrap=True)


@board_app.command("check")
def leaderboard_check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Rows, or their folders.")],
) -> None:
    """Check rows before they are contributed; a problem is one line with its file and field."""
    from mubench.board.read import read_row, row_files

    files = row_files(paths)
    problems = [problem for path in files for problem in read_row(path)[1]]
    for problem in problems:
        _console().print(problem, markup=False, soft_wrap=True)
    _console().print(f"{len(files)} rows, {len(problems)} problems")
    raise typer.Exit(BAD_INPUT if problems else OK)


@app.command()
def compare(
    mine: Annotated[
        str, typer.Argument(help="A report's folder, a file or folder of rows, or a saved sweep.")
    ],
    board: Annotated[Path, typer.Argument(help="The folder of a leaderboard.")],
    store: StoreUri = DEFAULT_STORE,
) -> None:
    """Compare rows of one's own with those of a leaderboard, without any network."""
    from mubench.board.compare import compare, find_mine
    from mubench.board.compare_text import compared
    from mubench.board.read import read_rows

    for part in compared(compare(find_mine(mine, store), read_rows([board]))):
        _console().print(part)


@app.command()
def check(
    method: Annotated[
        str, typer.Argument(metavar="FILE.py", help="A method, its card beside it; or a name.")
    ],
) -> None:
    """Try a method against the contract: what every method owes, whatever its algorithm."""
    from rich.text import Text

    from mubench.contract.check import check

    name = _add_method(method) if method.endswith(".py") else method
    marks = {"kept": ("✓", "green"), "broken": ("✗", "bold red"), "not tried": ("-", "dim")}
    counts = dict.fromkeys(marks, 0)
    for result in check(name):
        counts[result.status] += 1
        mark, style = marks[result.status]
        reason = f": {result.message}" if result.message else ""
        _console().print(Text(f"{mark} {result.clause}", style).append(reason), soft_wrap=True)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    _console().print(f"{name}: {told}", markup=False, soft_wrap=True)
    raise typer.Exit(FAILED if counts["broken"] else OK)


@new_app.command("method")
def new_method(
    name: str,
    folder: Annotated[Path, typer.Option(help="Where the two files go.")] = Path(),
) -> None:
    """Write a method to start from, and its card: NAME.py and NAME.yaml, which pass `check`."""
    from mubench.scaffold import write_method

    code, card = write_method(name, folder)
    _console().print(f"wrote {code} and {card}", markup=False, soft_wrap=True)
    _console().print(f"next: mubench check {code}", markup=False, soft_wrap=True)


@data_app.command("fetch")
def data_fetch(name: str, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """Download a data set if it is not there, and decode it into the cache."""
    from mubench import catalogue
    from mubench.upkeep import fetch

    for what, text in fetch(catalogue.dataset(name, "data fetch"), data):
        _console().print(f"{what:12} {text}", markup=False, soft_wrap=True)


@data_app.command("check")
def data_check(name: str, data: DataDir = None, plugin: PluginFiles = None) -> None:
    """Say what a data set holds, and whether it is what its card declares."""
    from mubench import catalogue
    from mubench.upkeep import check

    wrong = 0
    for what, text in check(catalogue.dataset(name, "data check"), data):
        wrong += what == "wrong"
        _console().print(f"{what:12} {text}", markup=False, soft_wrap=True)
    raise typer.Exit(FAILED if wrong else OK)


@data_app.command("export")
def data_export(
    sweep: SweepName,
    out: Annotated[Path, typer.Option("--out", help="Folder of the forget sets.")],
    data: DataDir = None,
    set_: SetValues = None,
    plugin: PluginFiles = None,
) -> None:
    """Write the forget sets of a sweep as files, which another sweep can name."""
    from mubench.exports import export_forget_sets
    from mubench.opened import open_sweep

    opened = open_sweep(sweep, DEFAULT_STORE, set_ or (), "cpu", data, decode=True)
    written = export_forget_sets(opened.plan, out, data)
    _console().print(f"{written} forget sets in {out}", markup=False, soft_wrap=True)


@app.command()
def doctor(data: DataDir = None) -> None:
    """Say what this machine has and lacks: device, packages, disk, data sets."""
    from mubench.doctor import findings

    for name, text in findings(data):
        _console().print(f"{name:12} {text}", markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; an error is one line on stderr, and a traceback only with --debug."""
    if "--debug" in sys.argv:
        sys.argv.remove("--debug")
        app()
        return
    try:
        app()
    except MubenchError as error:
        from mubench.errors import InputError

        typer.echo(f"mubench: {error}", err=True)
        sys.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _open(
    sweep: str,
    store: str,
    set_: list[str] | None,
    device: DeviceChoice,
    data: str | None,
    address: str | None = None,
    *,
    decode: bool = False,
) -> "Sweep":
    from mubench.opened import open_sweep

    if address is not None and device is DeviceChoice.auto:
        from mubench.sweep.cluster import cluster_device

        return open_sweep(sweep, store, set_ or (), cluster_device(address), data, decode=decode)
    return open_sweep(sweep, store, set_ or (), _asked(device), data, decode=decode)


def _asked(device: DeviceChoice) -> "Device | None":
    chosen: dict[DeviceChoice, Device] = {DeviceChoice.cpu: "cpu", DeviceChoice.cuda: "cuda"}
    return chosen.get(device)


def _add_method(path: str) -> str:
    """Make a method's file known; return its name."""
    from mubench.errors import InputError

    plugin = plugins.read(path)
    if plugin.kind != "methods":
        raise InputError(f"{path}: its card says `kind: {plugin.kind}`; only methods are checked")
    plugins.add([plugin])
    return plugin.name


def _existing(uri: str) -> "Store":
    """A store that is there: looking after one that a slip of the pen names finds nothing wrong."""
    from mubench.errors import InputError
    from mubench.store.store import Store

    store = Store(uri)
    if not store.exists:
        raise InputError(f"{uri}: no store is there; give another --store")
    return store


def _run(opened: "Sweep", console: "Console", address: str | None, data: str | None) -> "Summary":
    from mubench.sweep.resume import finished

    opened.save()
    ended = finished(opened.plan, opened.store)
    if ended is not None:
        count = len(opened.plan.steps)
        console.print(f"{opened.plan.name}: {count} of {count} steps done, 0 to run")
        return ended
    from mubench.screen import Screen
    from mubench.sweep.cluster import Where
    from mubench.sweep.run import run_plan

    with Screen(console) as screen:
        return run_plan(opened.plan, opened.store, screen, where=Where(address), data_dir=data)


def _report(opened: "Sweep", console: "Console", out: Path | None) -> Path:
    from mubench.report.build import build
    from mubench.report.console import console_table

    source = opened.source
    for part in console_table(source):
        console.print(part)
    written = build(source, out or Path("reports") / source.name)
    console.print(f"report: {written.page}", markup=False, soft_wrap=True)
    return written.page


def _reported(opened: "Sweep") -> "ReportSource":
    """What a sweep's report is made from; its last run as it was saved, if this is another plan.

    Other code, other packages or a metric of a plug-in change every id.
    """
    from mubench.gathered import saved

    source = opened.source
    if source.records or opened.plan.name not in opened.store.sweeps():
        return source
    _console().print(
        f"{opened.plan.name}: nothing of this plan has run; this is the run that the store keeps",
        markup=False,
    )
    return saved(opened.store, opened.plan.name)


def _tell_failures(summary: "Summary", console: "Console", sweep: str) -> None:
    if not summary.failures and not summary.blocked:
        return
    for record in summary.failures:
        line = f"{record.status}: {record.kind} {record.row} {record.request}: {record.message}"
        console.print(line, markup=False, soft_wrap=True)
    console.print(
        f"{len(summary.failures)} steps failed, {summary.blocked} could not run without them; "
        f"'mubench retry {sweep} --failed' runs them again",
        markup=False,
        soft_wrap=True,
    )
    raise typer.Exit(FAILED)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


if __name__ == "__main__":
    main()
