"""A bucket of a real S3 server: requests are counted, and troubles are one line."""

import subprocess
import sys

import numpy as np
import pytest

from mubench.errors import StoreError
from mubench.store import bucket as bucket_module
from mubench.store import records as records_module
from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.lock import Lock
from mubench.store.records import Records
from mubench.store.store import Store
from tests.support.stored_records import record

ARRAYS = {"logits": np.ones((4, 2), np.float32)}


@pytest.fixture
def counted(s3_server):
    """Count the requests of a call by method; deletes of many are POST."""

    def count(function):
        with s3_server.requests() as seen:
            function()
        methods = [method for method, _ in seen]
        return {method: methods.count(method) for method in sorted(set(methods))}

    return count


def test_a_record_is_one_request(s3_uri, counted):
    records = Records(Files(s3_uri))
    assert counted(lambda: records.append(record("a"))) == {"PUT": 1}
    assert counted(lambda: [records.append(record(key)) for key in "bcd"]) == {"PUT": 3}
    assert counted(lambda: records.append(*map(record, "efgh"))) == {"PUT": 1}
    assert set(Records(Files(s3_uri)).read()) == set("abcdefgh")


def test_an_artefact_is_one_request_a_part_and_its_manifest(s3_uri, counted):
    artefacts = Artefacts(Files(s3_uri))
    parts = {"weights": ARRAYS, "forget": ARRAYS, "test": ARRAYS}
    assert counted(lambda: artefacts.save("x", parts)) == {"PUT": 4}
    assert counted(lambda: (artefacts.load("x", "test"), artefacts.about("x"))) == {"GET": 1}
    reader = Artefacts(Files(s3_uri))
    assert counted(lambda: reader.load("x", "test")) == {"GET": 2}
    assert counted(lambda: [reader.load("x", part) for part in parts]) == {"GET": 3}
    assert counted(lambda: reader.has_whole("x")) == {"GET": 4}
    assert counted(lambda: reader.has_whole("absent")) == {"GET": 1}
    assert counted(lambda: reader.discard("x")) == {"GET": 1, "POST": 2}


def test_a_thousand_records_are_merged_in_two_requests(s3_uri, counted, monkeypatch):
    monkeypatch.setattr(records_module, "COMPACT_EVERY", 20)
    records = Records(Files(s3_uri))
    for number in range(19):
        records.append(record(str(number)))
    assert counted(lambda: records.append(record("19"))) == {"PUT": 2, "POST": 1}
    assert set(Records(Files(s3_uri)).read()) == set(map(str, range(20)))


def test_what_a_killed_run_left_is_read_once_and_merged(s3_uri, counted):
    killed = Records(Files(s3_uri))
    for number in range(30):
        killed.append(record(str(number)))
    records = Records(Files(s3_uri))
    assert counted(records.read) == {"GET": 2 + 30}
    assert counted(records.read) == {"GET": 2}
    assert counted(records.compact) == {"GET": 2, "PUT": 1, "POST": 1}
    assert counted(records.compact) == {"GET": 2}
    assert counted(lambda: [records.read(), records.statuses(), records.read(["1"])]) == {"GET": 6}
    assert counted(Records(Files(s3_uri)).read) == {"GET": 3}
    assert len(records.read()) == 30


def test_requests_of_a_lock_and_a_store(s3_uri, counted):
    files = Files(s3_uri)
    assert counted(Lock(files, "first").__enter__) == {"GET": 2, "PUT": 2}
    store = Store(s3_uri)
    assert counted(lambda: store.save_sweep("s", {"plan.json": b"{}"}, ["1"])) == {"PUT": 3}
    assert counted(lambda: store.save_sweep("s", {"plan.json": b"{}"}, ["1"])) == {"PUT": 2}
    token = store.leave_token()
    assert counted(lambda: Store(s3_uri).has_token(token)) == {"GET": 2}


def test_a_large_file_goes_in_parts_and_comes_back_whole(s3_uri, monkeypatch, counted):
    monkeypatch.setattr(bucket_module, "ONE_PUT", 5 * 2**20)
    files = Files(s3_uri)
    content = np.random.default_rng(0).bytes(11 * 2**20)
    assert counted(lambda: files.write("large", content)) == {"POST": 2, "PUT": 3}
    assert files.read("large") == content


@pytest.mark.slow
def test_more_files_than_one_request_lists_or_deletes(s3_uri, counted):
    files = Files(s3_uri)
    names = [f"a/{number:04}" for number in range(1001)]
    files.overlapped(lambda name: files.write(name, b""), names)
    assert counted(lambda: files.list("a")) == {"GET": 2}
    assert files.list("a") == names
    assert counted(lambda: files.delete(*names)) == {"POST": 2}
    assert files.list("a") == []


def only_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_bucket_that_does_not_exist_is_one_line(s3_uri):
    for touch in (Store, lambda uri: Files(uri).list("a"), lambda uri: Files(uri).write("a", b"")):
        with pytest.raises(StoreError) as caught:
            touch("s3://nobody/store")
        assert only_line(caught) == (
            "s3://nobody/store: no such bucket; create it, or correct --store"
        )


def test_wrong_keys_are_one_line(s3_uri, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError) as caught:
        Store(s3_uri)
    assert only_line(caught) == (
        f"{s3_uri}: wrong secret key; check the credentials (AWS_* variables)"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    with pytest.raises(StoreError) as caught:
        Store(s3_uri)
    assert only_line(caught) == (
        f"{s3_uri}: unknown access key; check the credentials (AWS_* variables)"
    )


def test_a_user_without_permission_is_one_line(s3_uri, s3_server, monkeypatch):
    s3_server.make_user("stranger", "strangerkey", "strangersecret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "strangerkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "strangersecret")
    with pytest.raises(StoreError) as caught:
        Store(s3_uri)
    assert only_line(caught) == (
        f"{s3_uri}: no permission; these credentials must list, read, write and delete there"
    )


def test_an_endpoint_that_refuses_is_one_line(s3_uri, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3_uri = f"{s3_uri}/latest"
    with pytest.raises(StoreError) as caught:
        Store(s3_uri)
    assert only_line(caught) == (
        f"{s3_uri}: no answer from http://127.0.0.1:9; check the network, and the endpoint that "
        "AWS_* variables name"
    )


def test_no_credentials_are_one_line(s3_uri, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")  # not on a cloud's machine
    with pytest.raises(StoreError) as caught:
        Store(s3_uri)
    assert only_line(caught) == (
        f"{s3_uri}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or "
        "AWS_PROFILE), or run where the cloud gives them to the machine"
    )


def test_a_profile_without_boto3_is_one_line(s3_uri, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "obstore.auth.boto3", raising=False)
    with pytest.raises(StoreError) as caught:
        Store(s3_uri)
    assert only_line(caught).startswith("AWS_PROFILE is set, and only boto3 reads profiles: pip")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket/store?region=x", "give settings as AWS_* variables, not after ?"),
        ("s3:///store", "Generic URL error"),
        ("az://bucket/store", "Account must be specified"),
    ],
)
def test_a_uri_that_cannot_be_opened_is_one_line(uri, expected, monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StoreError) as caught:
        Files(uri)
    assert only_line(caught).startswith(f"{uri}: ")
    assert expected in only_line(caught)


def test_a_bucket_that_answered_once_is_waited_for(s3_uri):
    files = Files(s3_uri)
    first = files._place._objects
    with pytest.raises(FileNotFoundError):
        files.read("absent")
    assert files._place._objects is not first
    tries = files._place._objects.retry_config["max_retries"]
    assert tries == bucket_module.LATER_TRIES["max_retries"]


def test_a_folder_is_opened_without_the_library_of_buckets(tmp_path):
    code = (
        "import sys; from mubench.store.store import Store; Store(sys.argv[1]).records.read()\n"
        "assert 'obstore' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_an_endpoint_without_scheme_is_one_line(monkeypatch):
    """obstore would end the process with pages of a panic."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:9000")
    with pytest.raises(StoreError) as caught:
        Files("s3://bucket/store")
    assert str(caught.value) == "AWS_ENDPOINT_URL=127.0.0.1:9000: begin it with http:// or https://"


def test_a_profile_that_does_not_exist_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(StoreError, match=r"^AWS_PROFILE=nobody: .*profile.* could not be found$"):
        Files("s3://bucket/store")
