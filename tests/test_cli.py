"""The command line: what it prints, what it refuses in one line, and how it ends."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from rich.console import Console
from sweep_world import finish, values

import mubench
from mubench.catalogue import cards
from mubench.cli import listing
from mubench.cli import progress as screen
from mubench.cli.catalogue import Listed
from mubench.cli.main import main
from mubench.errors import InputError, StoreError
from mubench.models import presets
from mubench.run.estimate import estimate
from mubench.run.open_sweep import open_sweep
from mubench.run.tune import run_plan as running
from mubench.run.tune.resume import Summary, outdated_steps
from mubench.run.tune.schedule import Schedule
from mubench.store.store import Store
from mubench.sweep import step_ids

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.fixture
def copy(finished, tmp_path):
    """A finished sweep to spoil: its file and its store."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy" / "tiny.yaml", tmp_path / "copy" / "store"


def only_line(text):
    """The one line that an error is."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("mubench: ")
    return lines[0]


def with_failure(store):
    """Turn one finished step into one that failed."""
    opened = Store(str(store))
    victim = next(r for r in opened.records.read().values() if r.selection == "default")
    late = "2999-01-01T00:00:00.000+00:00"
    failed = replace(victim, status="error", message="it [bold]broke[/bold]", created=late)
    opened.records.append(failed)
    return failed


def test_help_names_every_command(mubench_):
    code, out, _ = mubench_("--help")
    assert code == 0
    for command in (
        "run",
        "plan",
        "report",
        "list",
        "status",
        "retry",
        "doctor",
        "mlflow",
        "store",
    ):
        assert f" {command} " in out


def test_version(mubench_):
    assert mubench_("--version") == (0, f"{mubench.__version__}\n", "")


def test_plan_counts_what_is_cached(mubench_, finished, tmp_path):
    sweep = finished / "tiny.yaml"
    code, out, _ = mubench_("plan", sweep, "--store", tmp_path / "new")
    assert code == 0
    lines = [line.split() for line in out.splitlines() if line.startswith(("train", "search"))]
    assert [[*line[:4], line[-1]] for line in lines] == [
        ["train", "2", "0", "2", "?"],
        ["search", "2", "0", "2", "?"],
    ]
    assert not (tmp_path / "new").exists()
    _, out, _ = mubench_("plan", sweep, "--store", finished / "store")
    assert [line.split()[:4] for line in out.splitlines() if line.startswith("final")] == [
        ["final", "3", "3", "0"]
    ]


def test_a_step_is_expected_to_take_as_long_as_its_like(finished):
    """Two more candidates of 2 s and 4 s before them; nothing like FT was seen yet."""
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    records = opened.store.records.read()
    seconds = iter([2.0, 4.0])
    for key, record in records.items():
        if record.kind == "search":
            records[key] = replace(record, seconds=next(seconds))
    more = open_sweep(str(finished / "tiny.yaml"), "new", ["search.trials=4"])
    costs = {cost.kind: cost for cost in estimate(more.plan, records)}
    assert (costs["search"].total, costs["search"].cached, costs["search"].to_run) == (4, 2, 2)
    assert costs["search"].seconds == pytest.approx(6.0)
    assert costs["train"].seconds == 0
    other = open_sweep(str(finished / "tiny.yaml"), "new", ["methods={ft: {}}"])
    assert {c.kind: c.seconds for c in estimate(other.plan, records)}["search"] is None


def test_a_refusal_costs_nothing(finished):
    opened = open_sweep(str(finished / "tiny.yaml"), "new")
    finals = {k: s for k, s in opened.plan.steps.items() if s.kind == "final"}
    assert estimate(replace(opened.plan, steps=finals), {})[-1].seconds is None
    refused = {key: replace(step, refusal="not here") for key, step in finals.items()}
    costs = estimate(replace(opened.plan, steps=refused), {})
    assert [cost.seconds for cost in costs] == [0, 0, 0, 0]


def test_plain_progress_is_a_line_now_and_then_and_at_every_failure(finished, monkeypatch):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    now = iter([0.0, 3.0, 10.0, 12.0, 13.0])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(now))
    printed = io.StringIO()
    record = next(iter(opened.store.records.read().values()))
    with screen.Screen(Console(file=printed, width=200)) as shown:
        shown.start(Schedule(opened.plan, {}))
        shown.started(opened.plan.steps[record.id])
        for _ in range(3):
            shown.finished(record, Schedule(opened.plan, {}))
        failed = replace(record, status="error", message="it [bold]broke[/bold]")
        shown.finished(failed, Schedule(opened.plan, {}))
    title = opened.plan.steps[record.id].title
    assert printed.getvalue().splitlines() == [
        "tiny: 0 of 10 steps completed, 10 to run",
        "2/10 steps completed after 10 s",
        f"error: {title}: it [bold]broke[/bold]",
    ]


def test_plan_as_json(mubench_, finished):
    code, out, _ = mubench_("plan", finished / "tiny.yaml", "--store", finished / "store", "--json")
    assert code == 0
    node = json.loads(out)
    assert node["name"] == "tiny"
    assert {k: (v["all"], v["cached"]) for k, v in node["steps"].items()} == {
        "train": (2, 2),
        "retrain": (3, 3),
        "search": (2, 2),
        "final": (3, 3),
    }
    assert {step["id"] for step in node["ids"]} == Store(
        str(finished / "store")
    ).records.read().keys()


@pytest.mark.parametrize("kind", list(Listed))
def test_list_names_all_of_a_kind(mubench_, kind):
    expected = [entry["name"] for entry in listing.entries(kind.value)]
    assert expected
    code, out, _ = mubench_("list", kind.value)
    assert code == 0
    assert [
        line.split()[0] for line in out.splitlines()[1:] if not line.startswith(" ")
    ] == expected
    code, out, _ = mubench_("list", kind.value, "--json")
    assert [entry["name"] for entry in json.loads(out)] == expected


@pytest.mark.parametrize("kind", ["methods", "datasets", "models"])
def test_list_shows_every_card(kind):
    assert [entry["name"] for entry in listing.entries(kind)] == cards.names(kind)


def test_status_tells_what_failed_in_its_own_words(mubench_, copy):
    sweep, store = copy
    assert mubench_("status", sweep, "--store", store)[:2] == (
        0,
        "tiny: 10 of 10 steps completed\n",
    )
    with_failure(store)
    code, out, _ = mubench_("status", sweep, "--store", store)
    assert code == 0
    assert out.splitlines()[1].startswith("error: final ga (default) digits")
    assert out.splitlines()[1].endswith(": it [bold]broke[/bold]")


def test_verify_finds_a_damaged_file(mubench_, copy):
    _, store = copy
    assert mubench_("store", "verify", "--store", store)[0] == 0
    weights = min(store.glob("artefacts/*/weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    code, out, _ = mubench_("store", "verify", "--store", store)
    assert code == 1
    assert f"artefacts/{weights.parent.name}/weights.safetensors" in out
    assert ", 1 damaged" in out


def test_gc_deletes_what_no_record_names_and_nothing_else(mubench_, copy):
    _, store = copy
    named = Store(str(store)).artefacts.ids()
    (store / "artefacts" / "loose").mkdir()
    (store / "artefacts" / "loose" / "forget.safetensors").write_bytes(b"cut short")
    records = Store(str(store)).records.read()
    assert mubench_("store", "gc", "--store", store)[:2] == (0, "1 artefact deleted\n")
    assert Store(str(store)).artefacts.ids() == named
    assert Store(str(store)).records.read() == records
    assert not (store / "lock.json").exists()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_export_writes_every_record(mubench_, finished, tmp_path, suffix):
    target = tmp_path / f"records.{suffix}"
    code, out, _ = mubench_("store", "export", target, "--store", finished / "store")
    assert (code, out) == (0, f"10 records in {target}\n")
    table = pq.read_table(target) if suffix == "parquet" else csv.read_csv(target)
    records = Store(str(finished / "store")).records.read()
    gaps = dict(zip(table["id"].to_pylist(), table["metric_gap"].to_pylist(), strict=True))
    assert gaps == {key: record.metrics.get("gap") for key, record in records.items()}


def test_report_from_the_store(mubench_, finished, tmp_path):
    code, out, _ = mubench_(
        "report", finished / "tiny.yaml", "--store", finished / "store", "--out", tmp_path / "out"
    )
    assert (code, out) == (0, f"report: {tmp_path / 'out' / 'index.html'}\n")
    assert "<h1>" in (tmp_path / "out" / "index.html").read_text()


def test_doctor_tells_of_every_data_set_without_network(mubench_, monkeypatch):
    def forbidden(self, address):
        raise AssertionError(f"the network was asked for: {address}")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    code, out, _ = mubench_("doctor")
    assert code == 0
    found = {line.split()[0]: line for line in out.splitlines()}
    assert found.keys() >= {
        "python",
        "torch",
        "ray",
        "cpu",
        "gpu",
        "disk",
        *cards.names("datasets"),
    }
    assert "ready" in found["digits"]
    assert "missing" in found["cifar10"]
    assert "MUBENCH_DATA" in found["cifar10"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["plan", "quikstart"], "did you mean 'quickstart'?"),
        (["run", "quikstart"], "did you mean 'quickstart'?"),
        (["plan", "absent.yaml"], "absent.yaml: no such sweep file"),
        (["plan", "bad.yaml"], "bad.yaml:1:8: not YAML"),
        (["plan", "quickstart", "--set", "grid.model=small_cn"], "did you mean 'small_cnn'?"),
        (["plan", "quickstart", "--set", "floor"], "write key.path=value"),
        (["store", "export", "records.txt"], "end the name in .parquet or .csv"),
        (["store", "verify", "--store", "typo"], "typo: no store found"),
        (["store", "gc", "--store", "typo"], "typo: no store found"),
        (["store", "export", "x.csv", "--store", "typo"], "typo: no store found"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(mubench_, tmp_path, arguments, hint):
    Path("bad.yaml").write_text("grid: [")
    code, out, err = mubench_(*arguments)
    assert (code, out) == (2, "")
    assert hint in only_line(err)
    assert not Path("typo").exists()


def test_an_export_that_cannot_be_written_is_one_line(mubench_, finished, tmp_path):
    target = tmp_path / "absent" / "records.csv"
    code, _, err = mubench_("store", "export", target, "--store", finished / "store")
    assert code == 2
    assert str(target) in only_line(err)


def test_debug_shows_where_an_error_came_from(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mubench", "plan", "--debug", "quikstart"])
    with pytest.raises(InputError, match="no such sweep"):
        main()


@pytest.mark.parametrize("command", ["plan", "run", "status", "report"])
@pytest.mark.parametrize(
    ("format_", "hint"),
    [
        ('{"format": 99}', "update mubench"),
        ('{"format": 0}', "choose a new --store"),
        ("something else", "is this a store?"),
    ],
)
def test_a_store_of_another_format_is_refused_in_one_line(
    mubench_, finished, tmp_path, command, format_, hint
):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "format.json").write_text(format_)
    code, out, err = mubench_(command, finished / "tiny.yaml", "--store", tmp_path / "foreign")
    assert (code, out) == (1, "")
    assert hint in only_line(err)
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["format.json"]


def test_a_store_that_another_run_writes_is_refused(mubench_, copy):
    sweep, store = copy
    with Store(str(store)).lock("other"):
        code, _, err = mubench_("run", sweep, "--store", store, "--no-mlflow")
        assert code == 1
        assert "in use by sweep 'other'" in only_line(err)


def test_missing_data_are_told_before_ray_starts(mubench_, monkeypatch):
    def forbidden(where):
        raise AssertionError("Ray was asked for")

    monkeypatch.setattr(running, "connected", forbidden)
    code, out, err = mubench_("run", "cifar10_small", "--store", "store", "--no-mlflow")
    assert (code, out) == (2, "")
    assert "give --data or set MUBENCH_DATA: the folder in which cifar10/ has train*.parquet" in (
        only_line(err)
    )
    code, _, err = mubench_(
        "run", "cifar10_small", "--store", "store", "--data", "d", "--no-mlflow"
    )
    assert code == 2
    assert "d/cifar10: no such folder" in only_line(err)


def test_a_finished_sweep_is_reported_without_ray_and_without_its_data(
    mubench_, finished, tmp_path, monkeypatch
):
    def forbidden(*_):
        raise AssertionError("Ray or the data were asked for")

    monkeypatch.setattr(running, "connected", forbidden)
    monkeypatch.setattr(running, "require_data", forbidden)
    code, out, err = mubench_(
        *("run", finished / "tiny.yaml", "--store", finished / "store"),
        *("--out", tmp_path / "out", "--no-mlflow"),
    )
    assert (code, err) == (0, "")
    assert "tiny: 10 of 10 steps completed, 0 to run" in out
    assert f"report: {tmp_path / 'out' / 'index.html'}" in out
    assert "MLflow: off" in out


def test_failures_make_exit_code_1_after_the_report(mubench_, copy):
    sweep, store = copy
    with_failure(store)
    code, out, _ = mubench_("run", sweep, "--store", store, "--out", "out", "--no-mlflow")
    assert code == 1
    lines = out.splitlines()
    assert lines[-1] == (
        "1 step failed, 0 dependent steps not run; "
        f"run them again with 'mubench retry {sweep} --failed'"
    )
    assert lines[-2].endswith(": it [bold]broke[/bold]")
    assert Path("out/index.html").exists()


def test_retry_runs_failures_again_and_leaves_the_rest(mubench_, copy, monkeypatch):
    sweep, store = copy
    before = Store(str(store)).records.read()
    failed = with_failure(store)
    seen = {}

    def without_ray(plan, store, progress, **options):
        seen.update(options)
        opened = open_sweep(str(sweep), store.uri)
        return Summary(finish(opened), 1, 0, was_interrupted=False)

    monkeypatch.setattr(running, "run_plan", without_ray)
    code, out, _ = mubench_(
        *("retry", sweep, "--failed", "--store", store, "--out", "out", "--no-mlflow"),
        *("--data", "data"),
    )
    assert code == 0
    assert out.startswith("1 failure forgotten\n")
    assert seen["data_dir"] == "data"
    after = Store(str(store)).records.read()
    assert values(after.pop(failed.id)) == values(before.pop(failed.id))
    assert after == before


MORE = ("--set", "floor=2")
"""One more Retrain than the finished sweep has: something is left to run."""


def test_an_interrupted_run_ends_with_130_and_without_a_report(mubench_, copy, monkeypatch):
    sweep, store = copy

    def interrupted(*_, **__):
        return Summary({}, 0, 0, was_interrupted=True)

    monkeypatch.setattr(running, "run_plan", interrupted)
    code, out, err = mubench_("run", sweep, "--store", store, *MORE, "--out", "out", "--no-mlflow")
    assert (code, err) == (130, "")
    assert out.startswith("interrupted; continue with 'mubench run")
    assert not Path("out").exists()
    assert not (store / "lock.json").exists()


@pytest.fixture
def other_code(monkeypatch):
    """Code of another version: every id is another."""
    monkeypatch.setattr(step_ids, "source_id", lambda *roots: "other code")


def test_a_run_with_other_code_says_what_is_computed_again(mubench_, copy, other_code, monkeypatch):
    sweep, store = copy

    def interrupted(*_, **__):
        return Summary({}, 0, 0, was_interrupted=True)

    monkeypatch.setattr(running, "run_plan", interrupted)
    arguments = ("run", sweep, "--store", store, *MORE, "--no-mlflow")
    lines = mubench_(*arguments)[1].splitlines()
    assert lines[0] == (
        "tiny: 10 steps completed before code, data, versions or settings changed: ids are new, "
        "and these steps are computed again"
    )
    assert lines[1].startswith("interrupted; ")
    assert mubench_(*arguments)[1].startswith("interrupted; "), "the plan of now is saved by now"


def test_a_run_with_the_same_code_computes_nothing_again(copy):
    sweep, store = copy
    opened = open_sweep(str(sweep), str(store), [MORE[1]])
    assert outdated_steps(opened.plan, opened.store) == 0
    assert outdated_steps(opened.plan, Store(str(store / "new"))) == 0


def test_a_record_has_the_title_of_its_step(finished):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    titles = {key: record.title for key, record in opened.store.records.read().items()}
    assert titles == {key: step.title for key, step in opened.plan.steps.items()}


@pytest.mark.parametrize(
    "command",
    [
        ("report", "tiny.yaml", "--store", "store"),
        ("score", "tiny", "--store", "store", "--metric", "klom"),
        ("leaderboard", "--store", "store"),
        ("store", "export", "records.csv", "--store", "store"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_store_of_other_code_is_read_as_before(mubench_, copy, other_code, monkeypatch, command):
    monkeypatch.chdir(copy[0].parent)
    code, out, err = mubench_(*command)
    assert (code, err) == (0, "")
    assert out
    if command[0] == "report":
        assert out.startswith("tiny: no records for the current code and sweep; showing the last ")


def test_a_full_disk_is_one_line_and_exit_code_1(mubench_, copy, monkeypatch):
    sweep, store = copy

    def full(*_, **__):
        raise StoreError("no space left on the disk")

    monkeypatch.setattr(running, "run_plan", full)
    code, out, err = mubench_("run", sweep, "--store", store, *MORE, "--no-mlflow")
    assert (code, out) == (1, "")
    assert only_line(err) == "mubench: no space left on the disk"
    assert not (store / "lock.json").exists()


def test_ctrl_c_anywhere_ends_with_130(mubench_, monkeypatch):
    def interrupted(kind):
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "entries", interrupted)
    assert mubench_("list", "methods")[0] == 130


@pytest.mark.slow
def test_a_tracking_server_that_does_not_answer_is_a_warning(copy, tmp_path):
    sweep, store = copy
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        command = [sys.executable, "-m", "mubench", "run", str(sweep), "--store", str(store)]
        done = subprocess.run(
            [*command, "--out", "out", "--tracking-uri", uri],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"warning: {uri}: ")
    assert "the records are safe in the store" in last


@pytest.mark.slow
def test_the_wheel_plans_a_shipped_sweep_from_anywhere(tmp_path):
    root = Path(mubench.__file__).parent.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("no checkout to build from")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(root)], check=True
    )
    (wheel,) = tmp_path.glob("mubench-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = "import sys, mubench.cli.main as c; print(c.__file__, file=sys.stderr); c.main()"
    for name in ("quickstart", "paper/cifar100_class"):
        done = subprocess.run(
            [sys.executable, "-c", code, "plan", name, "--json"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        )
        assert done.stderr.startswith(str(tmp_path / "installed"))
        assert json.loads(done.stdout)["name"] == name.rpartition("/")[2]
    shipped, ours = (
        tmp_path / "installed" / "mubench" / "cli" / "templates",
        root / "mubench" / "cli" / "templates",
    )
    recipes = tmp_path / "installed" / "mubench" / "models" / "recipes"
    assert {p.name for p in recipes.iterdir()} == {p.name for p in presets.FOLDER.iterdir()}
    names = ["method.py.txt", "method.yaml.txt"]
    assert [(shipped / n).read_text() for n in names] == [(ours / n).read_text() for n in names]


def test_the_command_line_starts_without_anything_heavy():
    code = (
        "import sys; import mubench.cli.main\n"
        "heavy = ('torch', 'ray', 'mlflow', 'pyarrow', 'pydantic', 'optuna', 'vl_convert')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- methods of one's own ---------------------------------------------------------------------


@pytest.fixture
def my_method(mubench_, no_plugins):
    """A new method as `mubench new method` writes it, in the working folder."""
    code, out, _ = mubench_("new", "method", "my_method")
    assert (code, out) == (
        0,
        "wrote my_method.py and my_method.yaml\nnext: mubench check my_method.py\n",
    )
    return Path("my_method.py"), Path("my_method.yaml")


def test_a_new_method_is_short_and_keeps_the_contract_as_it_is(my_method, mubench_):
    file, card = my_method
    assert len(file.read_text().splitlines()) < 60
    assert "class MyMethod(DescentMethod):" in file.read_text()
    assert 'arXiv 0000.00000"' in card.read_text()
    assert "arXiv 0000.00000" in file.read_text()
    code, out, err = mubench_("check", file)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "✓ parameters_change" in lines
    assert "- kl_div_argument_order: it does not call kl_div" in lines
    assert lines[-1] == f"my_method: {len(lines) - 5} passed, 0 failed, 4 skipped"


def test_a_clause_that_is_broken_is_told_with_its_reason_and_the_exit_code_is_1(
    my_method, mubench_
):
    file, _ = my_method
    text = file.read_text()
    file.write_text(text.replace("+ self.forget_weight * q_y", "+ len(task.validation)"))
    code, out, _ = mubench_("check", file)
    assert code == 1
    lines = out.splitlines()
    assert (
        "✗ reads_only_declared_needs: the method reads 'validation' but does not declare it in "
        "`needs`; add it there and to the card, or do not use it"
    ) in lines
    line = 1 + text[: text.index("self.forget_weight * q_y")].count("\n")
    assert any(
        x.startswith("✗ completes_on_toy_data: UndeclaredError: ") and x.endswith(f"(line {line})")
        for x in lines
    )
    assert "- parameters_change: the method fails in its first run" in lines
    assert sum(x.startswith("✗") for x in lines) == 2
    assert ", 2 failed, " in lines[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda file, card: card.unlink(),
            "my_method.yaml: the card of a plug-in lies beside it; ",
        ),
        (lambda file, card: file.unlink(), "my_method.py: no such plug-in; No such file"),
        (
            lambda file, card: file.write_text("import nowhere_at_all\n"),
            "my_method: its file cannot be imported: ModuleNotFoundError: No module named 'nowhere",
        ),
        (
            lambda file, card: file.write_text("class:\n"),
            "my_method: its file cannot be imported: SyntaxError: invalid syntax (my_method.py, ",
        ),
        (
            lambda file, card: file.write_text("x = 1\n"),
            "mubench_plugin_my_method: exactly one public Method is needed in a file; found none",
        ),
        (
            lambda file, card: card.write_text(card.read_text() + "quik: {}\n"),
            "my_method.yaml: quik: unknown key; did you mean 'quick'?",
        ),
        (
            lambda file, card: card.write_text(card.read_text().replace("stochastic: true\n", "")),
            "my_method.yaml: stochastic: missing",
        ),
        (
            lambda file, card: card.write_text(
                card.read_text().replace("momentum: {default: 0.9}", "momentum: 0.9")
            ),
            "my_method.yaml: params.momentum: a mapping with default is needed; got 0.9",
        ),
        (
            lambda file, card: card.write_text("kind: metrics\n" + card.read_text()),
            "my_method.py: its card says `kind: metrics`; only methods are checked",
        ),
    ],
    ids=range(9),
)
def test_a_method_that_cannot_be_read_is_one_line_and_exit_code_2(
    my_method, mubench_, change, message
):
    change(*my_method)
    code, out, err = mubench_("check", my_method[0])
    assert (code, out) == (2, "")
    assert err.startswith(f"mubench: {message}")
    assert err.count("\n") == 1


def test_a_method_of_the_package_is_checked_by_its_name(mubench_):
    code, out, _ = mubench_("check", "ga")
    assert (code, out.splitlines()[-1].split(":")[0]) == (0, "ga")
    code, _, err = mubench_("check", "gaa")
    assert (code, err) == (2, "mubench: methods.gaa: unknown method 'gaa'; did you mean 'ga'?\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("class", "class: not a method name; use lower case, such as my_method, and no keyword"),
        ("My", "My: not a method name; use lower case, such as my_method, and no keyword"),
        ("2x", "2x: not a method name; use lower case, such as my_method, and no keyword"),
        ("../x", "../x: not a method name; use lower case, such as my_method, and no keyword"),
        ("ft", "ft: a method of this name exists; choose another"),
        ("taken", "taken.yaml: the file exists; choose another name or folder"),
    ],
)
def test_a_new_method_needs_a_good_name_and_overwrites_nothing(mubench_, name, message):
    Path("taken.yaml").write_text("mine")
    code, out, err = mubench_("new", "method", name)
    assert (code, out, err) == (2, "", f"mubench: {message}\n")
    assert [path.name for path in Path().iterdir()] == ["taken.yaml"]
    assert Path("taken.yaml").read_text() == "mine"


def test_a_new_method_goes_where_it_is_wanted(mubench_, tmp_path):
    Path("there").mkdir()
    code, out, _ = mubench_("new", "method", "mine", "--folder", "there")
    assert (code, out.splitlines()[0]) == (0, "wrote there/mine.py and there/mine.yaml")
    assert {path.name for path in Path("there").iterdir()} == {"mine.py", "mine.yaml"}
    code, _, err = mubench_("new", "method", "mine", "--folder", "nowhere")
    assert (code, err) == (
        2,
        "mubench: nowhere/mine.py: cannot be written; No such file or directory\n",
    )
