"""Options that commands share."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from mubench.cli.options import (
    DeviceChoice,
    RunOptions,
    SweepOptions,
    existing_store,
    with_options,
)
from mubench.errors import InputError
from mubench.session.settings import Settings
from tests.support.own_models import write_net
from tests.support.own_sweep import write


@with_options
def command(sweep: SweepOptions, options: RunOptions, extra: bool = False) -> None:
    """A command of the tests."""
    GIVEN.append((sweep, options, extra))


GIVEN = []


def test_a_command_has_each_field_as_a_keyword_in_order():
    parameters = inspect.signature(command).parameters
    names = [f.name for group in (SweepOptions, RunOptions) for f in fields(group)]
    assert list(parameters) == [*names, "extra"]
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert parameters["sweep"].default is inspect.Parameter.empty
    assert command.__doc__ == "A command of the tests."


def test_a_command_gets_its_options_as_dataclasses():
    defaults = {
        name: None if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in inspect.signature(command).parameters.items()
    }
    command(**{**defaults, "sweep": "x.yaml", "mlflow": False, "extra": True})
    sweep, options, extra = GIVEN.pop()
    assert (sweep, options) == (SweepOptions("x.yaml"), RunOptions(mlflow=False))
    assert extra


def test_auto_is_no_device():
    assert {choice.value: choice.asked for choice in DeviceChoice} == {
        "auto": None,
        "cpu": "cpu",
        "cuda": "cuda",
    }


def test_options_are_settings_and_the_folder_of_data():
    options = RunOptions(Path("out"), "sqlite:///x", False, None, 2, 0)
    assert options.settings("data") == Settings(
        out=Path("out"), tracking_uri="sqlite:///x", mlflow=False, cpus=2, gpus=0, data_dir="data"
    )


def test_a_mistyped_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="no store found"):
        existing_store(str(tmp_path / "nowhere"))


def test_a_store_of_a_run_exists(copy):
    _, store = copy
    assert existing_store(str(store)).uri == str(store)


@pytest.mark.usefixtures("no_plugins", "plain_environment", "cache_dir")
def test_a_file_without_a_card_is_code_that_a_sweep_may_use(mubench_, tmp_path):
    """And without the option the sweep is refused in one line, beside the file or not."""
    plugin = write_net(tmp_path)
    sweep = write(tmp_path, {"module": "my_models:net"})
    code, out, error = mubench_("plan", sweep)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "no file my_models.py was given; a sweep runs code only of files that you name" in error
    code, out, error = mubench_("plan", sweep, "--plugin", plugin)
    assert (code, error) == (0, "")
    assert "digits/my_models-net/random-0.1" in out
