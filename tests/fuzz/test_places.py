"""A store or a report that cannot be read, or is something else, is one line for every command."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import only_line
from tests.support.forked import mubench

NOBODY = 65534

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.fixture
def open_folder():
    """A folder that another user may reach: root may do anything, so that it is no test."""
    folder = Path(tempfile.mkdtemp(prefix="mubench-test-"))
    os.chmod(folder, 0o777)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            os.chmod(path, 0o700)
    shutil.rmtree(folder)


def unreadable(path):
    os.chmod(path, 0)


def read_only(path):
    for each in (path, *path.rglob("*")):
        os.chmod(each, 0o555 if each.is_dir() else 0o444)


def a_file(path):
    shutil.rmtree(path)
    path.write_text("hello")


def a_link_to_itself(path):
    shutil.rmtree(path)
    path.symlink_to(path)


def a_pipe_in_it(path):
    for name in ("format.json", "plan.json"):
        if (path / name).exists():
            (path / name).unlink()
            os.symlink("/dev/null", path / name)


def folders_in_it(path):
    for name in [*path.rglob("*.json"), *path.rglob("*.parquet")]:
        name.unlink()
        name.mkdir()


SPOILED: tuple[Callable[[Path], None], ...] = (
    unreadable,
    read_only,
    a_file,
    a_link_to_itself,
    a_pipe_in_it,
    folders_in_it,
)


def commands(sweep, store, report):
    at, out = ("--store", store), ("--out", "out")
    return (
        ("plan", sweep, *at),
        ("status", sweep, *at),
        ("report", sweep, *at, *out),
        ("report", sweep, "--store", "whole", "--out", report),
        ("score", "tiny", *at),
        ("leaderboard", *at, *out),
        ("store", "verify", *at),
        ("store", "repair", *at),
        ("store", "gc", *at),
        ("store", "export", "all.csv", *at),
        ("reproduce", "000000", "--report", report),
        ("leaderboard", "--report", report, *out),
        ("compare", report, report),
    )


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda one: one.__name__)
def test_every_command_says_what_is_wrong_with_a_place(finished, open_folder, spoil):
    work = shutil.copytree(finished, open_folder / "work")
    shutil.copytree(finished / "store", open_folder / "whole")
    for each in (open_folder, *open_folder.rglob("*")):
        if os.getuid() == 0:
            os.chown(each, NOBODY, NOBODY)
    for name in ("store", "report"):
        spoil(work / name)
    told = 0
    for arguments in commands(work / "tiny.yaml", work / "store", work / "report"):
        ran = mubench(*arguments, folder=open_folder, user=NOBODY if os.getuid() == 0 else None)
        assert not ran.is_crash, (arguments, ran)
        if ran.error and "Invalid value for" not in ran.error:  # of an option: typer tells it
            assert "work" in only_line(ran.error), arguments
            told += 1
    assert told > 3
