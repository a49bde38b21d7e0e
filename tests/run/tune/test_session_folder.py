"""Where Ray puts its session: short enough for its sockets, writable, with room."""

import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from mubench.errors import RunError
from mubench.run.tune import session_folder
from mubench.run.tune.session_folder import LONGEST, session_parent


@pytest.fixture
def short():
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as folder:
        yield folder


def test_the_users_folder_is_taken_where_it_can_be(short: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", short)
    assert session_parent() == Path(short)


def test_another_is_taken_where_it_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    long = tmp_path / ("x" * LONGEST)
    long.mkdir()
    for unusable in (str(long), str(tmp_path / "missing"), "/proc/none"):
        monkeypatch.setenv("TMPDIR", unusable)
        assert str(session_parent()) in (tempfile.gettempdir(), "/tmp")


def test_a_socket_of_ray_fits_below_the_longest_and_not_much_more(short: str):
    """Otherwise the number is wrong, or folders are refused without need."""
    below = Path(short + "/" + "d" * (LONGEST - len(short) - 1) + session_folder._BELOW)
    below.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(below))
    assert 103 - 7 <= len(str(below)) <= 103


def test_where_there_is_none_a_line_says_what_was_tried(
    short: str, monkeypatch: pytest.MonkeyPatch
):
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setenv("TMPDIR", short + "x")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(RunError) as caught:
        session_parent()
    assert "\n" not in str(caught.value)
    assert f"({short}x: no folder; " in str(caught.value)
    assert "/tmp: no space left" in str(caught.value)
    assert str(caught.value).endswith(
        f"set TMPDIR to a folder with a path of at most {LONGEST} bytes and 256 MB of space"
    )
