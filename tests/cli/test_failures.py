"""Whatever goes wrong is one line; what nobody expected also leaves a file with the details."""

import errno
import os
import re
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from mubench.cli import failures, listing
from mubench.cli.failures import explain
from mubench.errors import InputError, StoreError
from tests.support.command_line import only_line

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (InputError("x: wrong"), "x: wrong", 2),
        (StoreError("x:\n\x1b[31mwrong"), "x: \\x1b[31mwrong", 1),
        (InputError("x" * 5000), f"{'x' * 695} ... xxx", 2),
        (OSError(errno.ENOSPC, "No space", "/a/b"), "/a/b: no space left on the disk; what was", 1),
        (PermissionError(errno.EACCES, "no", "/a"), "/a: no permission; change that", 1),
        (OSError(errno.EIO, "Input/output error", "/a"), "/a: Input/output error", 1),
        (ValueError("embedded null byte"), "a text or path with characters that no file", 1),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), "a text or path with", 1),
        (MemoryError(), "not enough memory; close other programs", 1),
        (pa.ArrowInvalid("odd\nfile"), "Arrow: odd file", 1),
        (yaml.YAMLError("odd"), "YAML: odd", 1),
    ],
)
def test_what_is_known_to_go_wrong_is_one_line(error, expected, code):
    line, exit_code = explain(error)
    assert line.startswith(expected)
    assert exit_code == code
    assert "\n" not in line


def raising(error):
    def fails(*_):
        raise error

    return fails


def test_what_nobody_expected_is_one_line_and_a_file(mubench_, monkeypatch, tmp_path):
    monkeypatch.setattr(failures.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(listing, "entries", raising(KeyError("odd")))
    code, out, err = mubench_("list", "methods")
    line = only_line(err)
    assert (code, out) == (1, "")
    assert line.startswith("mubench: an error in mubench: KeyError: 'odd'. Records that were")
    written = Path(re.search(r"report it with (\S+)$", line)[1])
    assert written.parent == tmp_path
    details = written.read_text()
    assert "'list' 'methods'" in details
    assert details.endswith("KeyError: 'odd'\n")


def test_where_no_file_can_be_written_the_details_are_printed(monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", raising(OSError(errno.EROFS, "read-only")))
    line, _ = explain(KeyError("odd"))
    assert "Please report it with these details:\n" in line
    assert line.endswith("KeyError: 'odd'\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "x\0y.yaml"),
        ("plan", "a" * 5000 + ".yaml"),
        ("plan", f"{'a/' * 3000}x.yaml"),
        ("plan", "quickstart", "--store", "x\0y"),
        ("plan", "quickstart", "--store", "a" * 5000),
        ("plan", "quickstart", "--store", "ftp://x/y"),
        ("plan", "\ud800.yaml"),
        ("plan", "quickstart", "--store", "\ud800"),
        ("report", "quickstart", "--tracking-uri", "gopher://x"),
        ("mlflow", "sync", "quickstart", "--tracking-uri", "gopher://x"),
        ("store", "verify", "--store", "x\0y"),
        ("leaderboard", "--rows", "a" * 5000),
        ("leaderboard", "check", "a" * 5000),
        ("compare", "x\0y", "b"),
        ("reproduce", "abcdef", "--report", "a" * 5000),
        ("check", "x\0y"),
        ("list", "methods", "--plugin", "x\0y.py"),
    ],
    ids=lambda arguments: " ".join(map(repr, arguments))[:60],
)
def test_paths_that_no_file_can_have_are_one_line(mubench_, arguments):
    code, _, err = mubench_(*arguments)
    assert code in (1, 2)
    assert "an error in mubench" not in only_line(err)


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux alone")
def test_a_store_that_is_a_device_or_a_file_is_one_line(mubench_, tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    for place in ("/dev/null", "/dev/full", "/proc/self/mem", tmp_path / "file"):
        code, _, err = mubench_("plan", "quickstart", "--store", place)
        assert code in (1, 2)
        assert "an error in mubench" not in only_line(err), place
