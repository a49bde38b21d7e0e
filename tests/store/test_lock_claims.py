"""One writer among many that begin at once, and claims that no mubench of today would write."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mubench.errors import StoreError
from mubench.store import lock as lock_module
from mubench.store.files import Files
from mubench.store.lock import Claim, Lock
from mubench.store.process import Process
from mubench.store.store import Store
from tests.support.simultaneous import answers_of

TYPES = {"is_free": "no", "beat": 1.5, "process": {"pid": "../../self"}, "token": None, "sweep": []}


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path / "store"))


@pytest.fixture
def quick(monkeypatch):
    """Who shows no sign of life is dead after 0.2 s."""
    monkeypatch.setattr(lock_module, "STALE_SECONDS", 0.2)
    monkeypatch.setattr(lock_module, "LOOK_SECONDS", 0.02)


def fields(**changes):
    """A claim of this process, which lives; what differs in it decides."""
    claim = json.loads(Claim("t", "other", Process.own()).pack())
    process = {**claim["process"], **changes.pop("process", {})}
    return {**claim, **changes, "process": process}


@pytest.mark.slow
@pytest.mark.parametrize("before", ["nobody", "one that was killed"])
def test_of_forty_processes_that_begin_at_once_one_gets_in_and_the_others_a_line(tmp_path, before):
    store = str(tmp_path / "store")
    if before != "nobody":
        assert answers_of(store, 1, killed=True) == ["in"]
    answers = sorted(answers_of(store, 40))
    assert answers.pop(answers.index("in")) == "in"
    assert len(answers) == 39
    [line] = set(answers)
    assert line.startswith(f"{store}: in use by sweep 's' (process ")
    assert line.endswith("; wait for it or choose another --store")
    assert answers_of(store, 1) == ["in"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(fields()).encode()[:-20],
        b"\x00" * 300,
        b"\xff\xfe\x80",
        b"[" * 100_000,
        b"null",
        b'{"token": "t", "sweep": "s", "process": null}',
        b'{"beat": ' + b"9" * 10_000 + b"}",
        json.dumps(fields(process={"pid": 1e400})).encode(),
        *(json.dumps(fields(**{key: value})).encode() for key, value in TYPES.items()),
    ],
    ids=range(13),
)
def test_a_claim_that_is_none_is_taken_over_after_a_while(files, quick, content):
    files.write("lock/00000007.json", content)
    with pytest.warns(UserWarning, match="locked by an unknown sweep; waiting"), Lock(files, "me"):
        assert files.list("lock") == ["lock/00000008.json"]


@pytest.mark.parametrize("changes", [{"beat": 10**300}, {"format": 2, "process": {"gpu": "x"}}])
def test_a_claim_of_a_later_version_holds_while_its_process_lives(files, changes):
    files.write("lock/00000007.json", json.dumps(fields(**changes)).encode())
    with pytest.raises(StoreError, match="in use by sweep 'other'"), Lock(files, "me"):
        pass


@pytest.mark.parametrize("pid", [10**300, -1, 0])
def test_a_claim_of_a_process_that_cannot_be_is_taken_over(files, pid):
    files.write("lock/00000007.json", json.dumps(fields(process={"pid": pid})).encode())
    with Lock(files, "me"):
        assert files.list("lock") == ["lock/00000008.json"]


def test_the_clock_of_a_claim_decides_nothing(files, quick):
    content = json.dumps(fields(process={"machine": "another boot"})).encode()
    files.write("lock/00000007.json", content)
    os.utime(files.path("lock/00000007.json"), (2**33, 2**33))
    with pytest.warns(UserWarning, match="locked by sweep 'other'"), Lock(files, "me"):
        assert files.list("lock") == ["lock/00000008.json"]


NO_CLAIMS = [
    "²",
    "٣",
    "-1",
    "+1",
    "1e3",
    "7",
    "00000007 ",
    "0000000000000007",
    "x",
    "",
    "00000009.x",
]


@pytest.mark.parametrize("name", NO_CLAIMS)
def test_a_file_with_another_name_is_no_claim(files, name):
    files.write(f"lock/{name}.json", json.dumps(fields()).encode())
    with Lock(files, "me"):
        assert "lock/00000001.json" in files.list("lock")
    with Lock(files, "me again"):
        assert files.list("lock") == sorted([f"lock/{name}.json", "lock/00000002.json"])


def test_a_number_may_be_larger_than_any_that_will_be_used(files):
    files.write(f"lock/{'9' * 20}.json", json.dumps(fields(is_free=True)).encode())
    with Lock(files, "me"):
        assert files.list("lock") == [f"lock/1{'0' * 20}.json"]


@pytest.mark.parametrize("content", [None, "a file in it"])
def test_a_folder_in_the_place_of_a_claim_is_one_line(files, content):
    folder = Path(files.path("lock/00000001.json"))
    folder.mkdir(parents=True)
    if content:
        (folder / "x.json").write_text(content)
    with pytest.raises(StoreError) as caught, Lock(files, "me"):
        pass
    assert str(caught.value) == f"{folder}: not readable: Is a directory"


def test_a_file_in_the_place_of_the_folder_is_one_line(files):
    files.write("lock", b"")
    with (
        pytest.raises(StoreError, match=r"store/lock/0.* File exists") as caught,
        Lock(files, "me"),
    ):
        pass
    assert "\n" not in str(caught.value)


WRITER = (
    "import sys; from mubench.store.store import Store\n"
    "from tests.support.stored_records import record\n"
    "for k in range(12):\n"
    "    records = Store(sys.argv[1]).records if k % 3 == 0 else records\n"
    "    records.append(record(f'{sys.argv[2]}-{k}'))\n"
    "    records.compact()\n"
    "    own = {f'{sys.argv[2]}-{j}' for j in range(k + 1)}\n"
    "    assert own <= records.read().keys(), own - records.read().keys()\n"
)


def test_processes_that_compact_at_once_lose_no_record(tmp_path):
    """They hold no lock: two owners can be there for a moment, where one slept."""
    store = str(tmp_path / "store")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, store, str(k)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for k in range(4)
    ]
    errors = [writer.communicate()[1] for writer in writers]
    assert errors == [""] * 4
    records = Store(store).records
    assert set(records.read()) == {f"{w}-{k}" for w in range(4) for k in range(12)}
    records.compact()
    assert len(list(Path(store, "records").iterdir())) == 1
    assert len(records.read()) == 48
