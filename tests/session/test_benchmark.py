"""`mubench.benchmark` does what `mubench run` does with the sweep file of the same words."""

import inspect
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mubench
from mubench.catalogue import plugins
from mubench.data.own.objects import save_objects
from mubench.errors import InputError, is_one_line
from mubench.run.tune import run_plan as running
from mubench.run.tune.resume import Summary
from mubench.session.benchmark import benchmark
from mubench.session.settings import Settings
from mubench.store.store import Store
from tests.support.called_sweep import arguments, call, forbidden, run_here
from tests.support.command_line import only_line
from tests.support.own_files import folder_of_images
from tests.support.paths import ROOT
from tests.support.sweep_world import values

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


@pytest.fixture
def copy(finished, tmp_path):
    """The store of the finished tiny sweep."""
    shutil.copytree(finished / "store", tmp_path / "store")
    return Store(str(tmp_path / "store"))


@pytest.fixture
def nothing_runs(monkeypatch):
    monkeypatch.setattr(running, "run_plan", forbidden)


@pytest.fixture
def no_ray(monkeypatch):
    monkeypatch.setattr(running, "run_plan", run_here)


def ids(result):
    return {record.id for record in result.records}


def test_the_store_of_the_sweep_file_has_all_steps_of_the_call(copy, nothing_runs, capsys):
    result = call()
    assert ids(result) == set(copy.records.read())
    assert "tiny: 10 of 10 steps completed, 0 to run" in capsys.readouterr().out
    assert str(result.report) == "reports/tiny/index.html"
    assert result.table in (result.report.parent / "main.md").read_text()


def test_the_sweep_file_of_a_call_finds_what_the_call_computed(tmp_path, mubench_, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "run_plan", run_here)
        result = call()
    monkeypatch.setattr(running, "run_plan", forbidden)
    assert [record.status for record in result.records] == ["ok"] * 10
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "tiny.yaml"
    path.write_text(result.sweep)
    code, out, err = mubench_("run", path, "--store", "store", "--no-mlflow")
    assert (code, err) == (0, "")
    assert "tiny: 10 of 10 steps completed, 0 to run\n" in out


IMAGES = np.random.default_rng(0).integers(0, 256, (90, 8, 8), dtype=np.uint8)
LABELS = np.arange(90) % 3


def test_objects_are_what_their_files_in_the_cache_are(
    tmp_path, cache_dir, mubench_, no_ray, monkeypatch
):
    result = call(data=(IMAGES, LABELS), out="one")
    entry = save_objects((IMAGES, LABELS), cache_dir / "objects")
    monkeypatch.setattr(running, "run_plan", forbidden)
    again = call(data=([*IMAGES], LABELS.tolist()), out="two")
    path = call(data={**entry, "name": "data"}, out="three")
    assert ids(result) == ids(again) == ids(path)
    assert len(ids(result)) == 10
    assert result.sweep == path.sweep
    (tmp_path / "tiny.yaml").write_text(result.sweep)
    code, out, err = mubench_("run", tmp_path / "tiny.yaml", "--store", "store", "--no-mlflow")
    assert (code, err) == (0, "")
    assert "10 of 10 steps completed, 0 to run" in out
    monkeypatch.setattr(running, "run_plan", run_here)
    assert not ids(call(data=(IMAGES, (LABELS + 1) % 3), floor=0)) & ids(result)


def net(input_shape, num_classes: int) -> "nn.Module":  # noqa: F821  imported where it runs
    from torch import nn

    size = input_shape[0] * input_shape[1] * input_shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(size, 4), nn.ReLU(), nn.Linear(4, num_classes))


def test_a_function_is_what_its_file_is(tmp_path, mubench_, no_ray, monkeypatch):
    result = call(model=net)
    assert [record.status for record in result.records] == ["ok"] * 10
    (tmp_path / "net.py").write_text(inspect.getsource(net))
    (tmp_path / "tiny.yaml").write_text(result.sweep)
    monkeypatch.setattr(plugins, "_added", {})  # as in another process
    command = ("run", tmp_path / "tiny.yaml", "--store", "store", "--no-mlflow")
    code, _, err = mubench_(*command)
    assert code == 2
    assert "no file net.py was given" in only_line(err)
    code, out, err = mubench_(*command, "--plugin", "net.py")
    assert (code, err) == (0, "")
    assert "10 of 10 steps completed, 0 to run" in out


def test_a_function_that_is_written_anew_is_another_model(no_ray):
    def first():
        def net(input_shape, num_classes):
            from torch import nn

            return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))

        return net

    def second():
        def net(input_shape, num_classes):
            from torch import nn

            return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes, bias=False))

        return net

    one, two = call(model=first(), floor=0), call(model=second(), floor=0)
    assert not ids(one) & ids(two)
    assert "bias=False" in two.sweep
    assert "bias=False" not in one.sweep
    assert ids(call(model=first(), floor=0)) == ids(one)


def test_an_interrupted_call_stops_and_the_same_call_goes_on(copy, monkeypatch, capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "run_plan", lambda *_, **__: Summary({}, 0, 0, signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            call(floor=2)
    assert capsys.readouterr().out == "interrupted; the same call goes on\n"
    before = copy.records.read()
    monkeypatch.setattr(running, "run_plan", run_here)
    after = {record.id: record for record in call(floor=2).records}
    assert len(after) == 11
    assert {key: values(after[key]) for key in before} == {
        key: values(record) for key, record in before.items()
    }


def test_a_failure_is_told_and_runs_again_on_request(copy, no_ray, capsys):
    victim = next(r for r in copy.records.read().values() if r.selection == "default")
    late = "2999-01-01T00:00:00.000+00:00"
    copy.records.append(replace(victim, status="error", message="it broke", created=late))
    result = call()
    assert [record.id for record in result.failures] == [victim.id]
    out = capsys.readouterr().out.splitlines()
    assert out[-2].endswith(": it broke")
    assert out[-1] == "1 step failed, 0 dependent steps not run; run them again with retry=True"
    again = call(retry=True)
    assert capsys.readouterr().out.startswith("1 failure forgotten\n")
    assert again.failures == ()
    assert {record.status for record in again.records} == {"ok"}


def test_a_name_and_a_sweep_are_made_of_the_data(tmp_path, cache_dir, no_ray):
    folder_of_images(tmp_path / "pets", {"cat": 20, "dog": 20}, 1)
    given = {**arguments(), "data": "pets/", "resize": 8, "train_size": 25, "keep": "records"}
    for key in ("name", "floor"):
        del given[key]
    data = given.pop("data")
    result = benchmark(data, **{**given, "floor": 0})
    assert result.results.name == "pets"
    assert result.results.cells == ("pets[train_size=25]/small_cnn/random-0.1",)
    assert f"path: {tmp_path / 'pets'}\n" in result.sweep
    assert "store:\n  keep: records\n" in result.sweep
    assert not list(tmp_path.glob("store/artefacts/**/outputs*"))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data": "digitz"}, "data: digitz: no such file or folder, and no data set; did you mean"),
        ({"data": 3}, "data: train: (inputs, labels) or a Dataset is needed; got int"),
        ({"data": {"trian": 3}}, "data: a mapping has train, and perhaps validation and test; got"),
        ({"traning": {}}, "benchmark: traning: no key of a sweep and no option of the data; "),
        ({"resize": 8}, "benchmark: resize: no key of a sweep and no option of the data; "),
        ({"train_size": "x"}, "benchmark: grid.dataset.digits.train_size: a number of examples"),
        ({"model": "small_cn"}, "benchmark: grid.model: unknown model 'small_cn'; did you mean"),
        ({"model": 3}, "model: a name, a mapping such as {'timm': 'resnet18'}, or a function "),
        ({"model": {"module": "no.py:net"}}, "model.module: no.py: no such file; write FILE.py:"),
        ({"methods": ["gaa"]}, "benchmark: methods.gaa: unknown method 'gaa'; did you mean 'ga'?"),
        ({"methods": []}, "benchmark: methods: "),
        ({"forget": {"scenario": "randm"}}, "benchmark: grid.forget[0].scenario: unknown scenario"),
        (
            {"forget": {"scenario": "random", "ratio": object()}},
            "benchmark: a value of type object",
        ),
        ({"search": {"trials": 0}}, "benchmark: search.trials: "),
        ({"name": "a/b"}, "benchmark: name: "),
        ({"address": "h:1", "cpus": 1}, "benchmark: cpus and gpus are for this machine; "),
    ],
)
def test_bad_arguments_are_one_line(changes, line, cache_dir, nothing_runs):
    with pytest.raises(InputError) as caught:
        call(**changes)
    assert str(caught.value).startswith(line)
    assert is_one_line(str(caught.value))


class Asked(Exception):
    """What would run, and how."""


@pytest.fixture
def only_asked(monkeypatch):
    """Calls end where they would begin to run."""

    def ask(opened, settings, *, retry):
        raise Asked(opened, settings)

    monkeypatch.setattr("mubench.session.benchmark.complete", ask)


def test_variables_count_as_on_the_command_line(monkeypatch, only_asked):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db")
    monkeypatch.setenv("MUBENCH_DATA", "folder")
    monkeypatch.setenv("RAY_ADDRESS", "host:1")
    with pytest.raises(Asked) as asked:
        call(device="cpu")
    settings = asked.value.args[1]
    assert settings == Settings(
        tracking_uri="sqlite:///x.db", mlflow=False, address="host:1", data_dir="folder"
    )
    with pytest.raises(Asked) as asked:
        call(device="cpu", address="other:2", tracking_uri="here", data_dir="there", out="out")
    assert asked.value.args[1] == Settings(Path("out"), "here", False, "other:2", data_dir="there")


def test_the_example_of_the_readme_is_a_sweep(tmp_path, cache_dir, only_asked):
    text = (ROOT / "README.md").read_text()
    [example] = re.findall(r"```python\n(import mubench\n.*?benchmark.*?)```", text, re.DOTALL)
    assert len(example.splitlines()) == 5
    folder_of_images(tmp_path / "pets", dict.fromkeys(("cat", "dog", "cow"), 12))
    with pytest.raises(Asked) as asked:
        exec(example, {"mubench": mubench})
    assert asked.value.args[0].plan.cells == ("pets/resnet_small/random-0.1",)
