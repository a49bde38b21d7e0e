"""A file carries its checksum: every change of one bit is found, in every format."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.numpy import load as tensors

from mubench.errors import IntegrityError
from mubench.store import sealed
from mubench.store.checkpoints import Checkpoints
from mubench.store.files import Files
from mubench.store.records import Records
from tests.support.stored_records import record

TABLE = pa.table({"id": ["a", "b"], "created": ["x", "y"], "metric_ua": [0.5, None]})
FORMATS = {
    "json": (sealed.to_json({"ua": 0.5, "note": sealed.KEY}), sealed.from_json),
    "yaml": (sealed.to_yaml("ua: 0.5\n"), sealed.from_yaml),
    "parquet": (sealed.to_parquet(TABLE), sealed.from_parquet),
    "compressed": (sealed.to_parquet(TABLE, compression="zstd"), sealed.from_parquet),
}


def flips(content):
    """The content with each of its bits changed in turn."""
    for place in range(len(content)):
        for bit in range(8):
            altered = bytearray(content)
            altered[place] ^= 1 << bit
            yield bytes(altered)


@pytest.mark.parametrize(("content", "read"), FORMATS.values(), ids=FORMATS)
def test_no_bit_changes_unseen_and_no_end_is_cut_unseen(content, read):
    read(content, "file")
    for altered in flips(content):
        with pytest.raises(IntegrityError, match="file: damaged"):
            read(altered, "file")
    for length in range(len(content)):
        with pytest.raises(IntegrityError, match="file: damaged"):
            read(content[:length], "file")


def test_other_tools_read_what_is_sealed(tmp_path):
    assert json.loads(FORMATS["json"][0])["ua"] == 0.5
    assert yaml.safe_load(FORMATS["yaml"][0]) == {"ua": 0.5}
    (tmp_path / "x.parquet").write_bytes(FORMATS["parquet"][0])
    assert pq.read_table(tmp_path / "x.parquet").equals(TABLE)


def test_what_is_sealed_is_read_back_equal():
    assert sealed.from_json(FORMATS["json"][0], "") == {"ua": 0.5, "note": sealed.KEY}
    assert sealed.from_yaml(FORMATS["yaml"][0], "") == "ua: 0.5\n"
    assert sealed.from_parquet(FORMATS["compressed"][0], "").equals(TABLE)


def test_a_text_that_was_sealed_before_is_sealed_anew():
    """Somebody copies the sweep of a report, changes it and runs it."""
    first = sealed.to_yaml("ua: 0.5\n").decode()
    again = sealed.to_yaml(first.replace("0.5", "0.6"))
    assert sealed.from_yaml(again, "") == first.replace("0.5", "0.6")


def test_a_mark_among_the_data_is_not_taken_for_the_checksum():
    """A message could quote a file; only the last mark is Parquet's own."""
    row = record("1", message=f"{sealed.KEY}: {'0' * 64}")
    content = sealed.to_parquet(pa.table({"m": [row.message]}), compression="none")
    assert sealed.from_parquet(content, "")["m"].to_pylist() == [row.message]


@pytest.mark.parametrize("content", [b"", b"{}", b"PAR1", b"[]", b"\xff"])
def test_what_was_never_sealed_is_damaged(content):
    with pytest.raises(IntegrityError, match="x: damaged: no checksum in it"):
        sealed.check_seal(content, "x")


def test_sealed_content_of_another_kind_is_refused():
    with pytest.raises(IntegrityError, match="x: a JSON object is needed"):
        sealed.from_json(sealed.sealed(f'["{sealed.KEY}: {sealed.BLANK}"]'.encode()), "x")
    with pytest.raises(IntegrityError, match="x: not Parquet"):
        sealed.from_parquet(FORMATS["json"][0], "x")


def test_records_and_checkpoints_are_sealed(tmp_path):
    files = Files(str(tmp_path))
    Records(files).append(record("1"))
    [name] = files.list("records")
    sealed.check_seal(files.read(name), name)
    Checkpoints(files).save("x", {}, {"seconds": 1})
    content = files.read("checkpoints/x/state.safetensors")
    sealed.check_seal(content, "")
    assert tensors(content) == {}
