"""A disk that is full at any write: one line; with space again the same work goes on to its end."""

import errno
import os
from collections import Counter
from pathlib import Path

import pytest

from mubench.data.atomic import TEMPORARY
from mubench.errors import RunError, StoreError
from mubench.report.build import build
from mubench.run.examples import save_examples
from mubench.run.open_sweep import open_sweep
from mubench.store.full_disk import ADVICE, told_if_full
from mubench.store.verify import problems_of
from tests.support.sweep_world import all_values, finish, write


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sweep") / "tiny.yaml", checkpoint="0s")


@pytest.fixture(scope="module")
def undisturbed(sweep, tmp_path_factory):
    return all_values(finish(open_sweep(sweep, str(tmp_path_factory.mktemp("undisturbed")))))


class Disk:
    """It is full whenever a file is written for the first time, wherever that is."""

    def __init__(self, monkeypatch):
        self.refused = Counter()
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self.sync)

    def sync(self, descriptor):
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        name = f"{path.parent.parent.name}/{path.parent.name}/{path.name[1:].rsplit('.', 2)[0]}"
        if "merged-" in name:
            name = "merged"  # it has another name each time
        if path.parent.name != "lock" and not self.refused[name]:  # this process does not end
            self.refused[name] += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        self._sync(descriptor)


def run(sweep, store, out):
    """All that writes beside a run: its steps, its outline, its report, without Ray."""
    opened = open_sweep(sweep, store)
    with told_if_full(), opened.store.lock("tiny"):
        records = finish(opened)
        opened.store.records.compact()
        save_examples(opened.store, opened.source, None)
        build(opened.source, out)
    return all_values(records)


def attempt(*given):
    """The results of a run, or the line that ended it."""
    try:
        return run(*given)
    except StoreError as error:
        return str(error)


@pytest.mark.slow
def test_a_full_disk_at_any_write_is_one_line_and_loses_nothing(
    sweep, undisturbed, tmp_path, monkeypatch
):
    disk, store, had = Disk(monkeypatch), tmp_path / "store", {}
    for _ in range(400):
        found = attempt(sweep, str(store), tmp_path / "report")
        if found == undisturbed:
            break
        assert ADVICE in found
        assert "\n" not in found
        records = open_sweep(sweep, str(store)).store.records.read()
        assert records.items() >= had.items()
        assert {record.status for record in records.values()} <= {"ok"}
        had = records
    else:
        pytest.fail("it never goes on")
    written = "\n".join(disk.refused)
    for part in ("records/part-", "merged", "weights", "manifest", "plan", "index.html", ".svg"):
        assert part in written
    assert not list(problems_of(open_sweep(sweep, str(store)).store))
    assert not [*store.rglob(TEMPORARY), *(tmp_path / "report").rglob(TEMPORARY)]


def test_what_a_library_raises_on_a_full_disk_is_one_line():
    full = OSError(errno.EDQUOT, "quota", "/data/x")
    with pytest.raises(StoreError, match=f"^/data/x: {ADVICE}$"), told_if_full():
        raise full
    with pytest.raises(StoreError, match=f"^{ADVICE}$"), told_if_full():
        raise RuntimeError("wrapped\nby a library") from full


def test_other_errors_stay_what_they_are():
    for error in (OSError(errno.EACCES, "no"), KeyError("x"), RunError("it is told already")):
        with pytest.raises(type(error)) as caught, told_if_full():
            raise error
        assert caught.value is error
