"""Temporary folders: deleted by their process, or by the next one after a kill; no others."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mubench.data import scratch
from mubench.data.scratch import scratch_folder
from mubench.errors import RunError

HOLD = (
    "import sys; from pathlib import Path; from mubench.data.scratch import scratch_folder\n"
    "with scratch_folder(Path(sys.argv[1])) as folder:\n"
    "    (folder / 'deep').mkdir(); (folder / 'deep' / 'file').write_text('x')\n"
    "    print(folder, flush=True); sys.stdin.readline()\n"
)


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_gone_after_its_use_whatever_happens(tmp_path: Path):
    with scratch_folder(tmp_path) as folder:
        (folder / "a" / "b").mkdir(parents=True)
        assert folder.parent.parent == tmp_path
    with pytest.raises(KeyError), scratch_folder(tmp_path):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path):
    killed, left = holder(tmp_path)
    living, used = holder(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert left.is_dir()
    with scratch_folder(tmp_path) as own:
        assert set(tmp_path.iterdir()) == {own.parent, used.parent}
        assert not list(own.iterdir())
        assert (used / "deep" / "file").read_text() == "x"
    living.communicate("\n")
    assert not list(tmp_path.iterdir())


def test_a_stopped_process_lives(tmp_path: Path):
    """It may go on later: a closed laptop, a debugger."""
    stopped, used = holder(tmp_path)
    stopped.send_signal(signal.SIGSTOP)
    with scratch_folder(tmp_path):
        assert (used / "deep" / "file").is_file()
    stopped.send_signal(signal.SIGCONT)
    stopped.communicate("\n")


def test_folders_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A clone of mubench, say, a link to somewhere, or the folder of another user."""
    mine = tmp_path / "mubench-clone0"
    mine.mkdir()
    (mine / "README.md").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / scratch._OWNER).touch()
    (tmp_path / "mubench-link0000").symlink_to(elsewhere)
    theirs = tmp_path / "mubench-theirs00"
    theirs.mkdir()
    (theirs / scratch._OWNER).touch()
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    with scratch_folder(tmp_path):
        pass
    assert theirs.is_dir()
    monkeypatch.undo()
    with scratch_folder(tmp_path):
        pass
    assert not theirs.exists()
    assert (mine / "README.md").read_text() == "mine"
    assert (elsewhere / scratch._OWNER).exists()


def test_who_begins_at_once_does_not_delete_the_other(tmp_path: Path):
    def use(_: int) -> bool:
        with scratch_folder(tmp_path) as folder:
            (folder / "file").write_text("x")
            with scratch_folder(tmp_path):
                return (folder / "file").read_text() == "x"

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(use, range(400)))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_taken_for_a_left_one_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The other came between the making of the folder and its lock."""
    real, calls = scratch.fcntl.flock, []

    def flock(lock: object, how: int) -> None:
        calls.append(how)
        if len(calls) == 1:
            scratch.shutil.rmtree(next(tmp_path.iterdir()))
        real(lock, how)

    monkeypatch.setattr(scratch.fcntl, "flock", flock)
    with scratch_folder(tmp_path) as folder:
        assert folder.is_dir()
    assert len(calls) == 2


def test_a_place_that_refuses_is_one_line(tmp_path: Path):
    place = tmp_path / "missing"
    with pytest.raises(RunError) as caught, scratch_folder(place):
        pass
    assert str(caught.value) == (
        f"{place}: no temporary folder (No such file or directory); set TMPDIR to a folder with "
        "free space"
    )


def test_a_folder_into_which_somebody_still_writes_goes_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ray's agents outlive a killed driver; a file of theirs comes while the folder is emptied."""
    written: list[Path] = []
    real = scratch.shutil.rmtree

    def rmtree(folder: Path, ignore_errors: bool) -> None:
        if len(written) < most:
            written.append(folder / "late")
            written[-1].write_text("x")
        else:
            real(folder, ignore_errors=ignore_errors)

    monkeypatch.setattr(scratch.shutil, "rmtree", rmtree)
    monkeypatch.setattr(scratch.time, "sleep", lambda _: None)
    most = 2
    with scratch_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
    most = 100
    with scratch_folder(tmp_path):
        pass
    [left] = tmp_path.iterdir()
    most = 0
    with scratch_folder(tmp_path):
        assert not left.exists()


def test_the_own_folder_goes_at_the_end_although_a_process_still_ends(tmp_path, monkeypatch):
    """Agents of Ray take seconds on a busy machine; waiting for them would hold up every run."""
    monkeypatch.setattr(scratch, "_PAUSES", (0.0, 0.01))
    with scratch_folder(tmp_path) as folder:
        agent = subprocess.Popen(["sleep", "60"], env={**os.environ, "TMPDIR": str(folder)})
    try:
        assert not list(tmp_path.iterdir())
    finally:
        agent.kill()
        agent.wait()


def test_a_folder_stays_while_a_process_of_a_killed_owner_uses_it(tmp_path: Path):
    """Ray's workers, one that starts late above all: it would make the folder again."""
    killed, left = holder(tmp_path)
    late = subprocess.Popen(["sleep", "60"], env={**os.environ, "TMPDIR": str(left)})
    killed.kill()
    killed.communicate()
    with scratch_folder(tmp_path):
        assert (left / "deep" / "file").is_file()
        late.kill()
        late.wait()
    assert not list(tmp_path.iterdir())
