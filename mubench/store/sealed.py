"""Files that carry their own checksum: whoever has a copy can check it, and other tools read it.

The checksum is the SHA-256 of all bytes of the file, its own 64 digits counted as zeros. In JSON it
is the first key, in YAML a comment in the first line, in Parquet and safetensors part of the
metadata. It finds damage; who can write a file can also seal it.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mubench.errors import IntegrityError

KEY = "mubench-sha256"
BLANK = "0" * 64
_SEAL = re.compile(KEY.encode() + rb"\W{1,4}([0-9a-f]{64})")
_PARQUET = b"PAR1"
"""Parquet has its metadata at the end, all else at the beginning."""


def sealed(content: bytes) -> bytes:
    """Return a file with its checksum in place of `BLANK`, which stands after `KEY`."""
    start, end = _place(content)
    return content[:start] + _digest(content, start, end) + content[end:]


def check_seal(content: bytes, where: str) -> None:
    """Pass if a file is as it was sealed.

    Raises:
        IntegrityError: it was altered or cut short, or was never sealed.
    """
    try:
        start, end = _place(content)
    except ValueError:
        raise IntegrityError(f"{where}: damaged: no checksum in it") from None
    if content[start:end] != _digest(content, start, end):
        raise IntegrityError(f"{where}: damaged: does not match its checksum")


def to_json(node: Mapping[str, Any]) -> bytes:
    """Return a sealed JSON object; what JSON does not know becomes text."""
    return sealed(json.dumps({KEY: BLANK, **node}, indent=1, default=str).encode())


def from_json(content: bytes, where: str) -> dict[str, Any]:
    """Return the object of a sealed JSON file. Raises IntegrityError."""
    check_seal(content, where)
    try:
        node = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{where}: not JSON: {error}") from None
    if not isinstance(node, dict):
        raise IntegrityError(f"{where}: a JSON object is needed")
    if not is_text(content):
        raise IntegrityError(f"{where}: text that is not Unicode")
    node.pop(KEY, None)
    return node


def is_text(content: bytes) -> bool:
    r"""Whether JSON has no half of a surrogate pair, which cannot be written to any file.

    >>> is_text(b'"\\ud83d\\ude00"'), is_text(b'"\\ud83d"')
    (True, False)
    """
    if b"\\ud" not in content.lower():
        return True
    try:
        json.dumps(json.loads(content), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def to_yaml(text: str) -> bytes:
    """Return a YAML text as a sealed file."""
    return sealed(f"# {KEY}: {BLANK}\n{text}".encode())


def from_yaml(content: bytes, where: str) -> str:
    """Return the text of a sealed YAML file. Raises IntegrityError."""
    check_seal(content, where)
    try:
        return content.decode().partition("\n")[2]
    except UnicodeDecodeError:
        raise IntegrityError(f"{where}: not text") from None


def to_parquet(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a sealed Parquet file; the options are those of its writer."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({KEY: BLANK})
    return sealed(sink.getvalue())


def from_parquet(content: bytes, where: str) -> pa.Table:
    """Return the table of a sealed Parquet file. Raises IntegrityError."""
    check_seal(content, where)
    return read_parquet(content, where)


def read_parquet(content: bytes, where: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return some columns of a Parquet file whose seal was checked. Raises IntegrityError."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        return file.read(columns=columns and list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise IntegrityError(f"{where}: not Parquet: {error}") from None


def _place(content: bytes) -> tuple[int, int]:
    """Where the digits of the checksum are. Raises ValueError: there is none."""
    start = content.rfind(KEY.encode()) if content.startswith(_PARQUET) else 0
    found = _SEAL.search(content, max(start, 0))
    if found is None:
        raise ValueError(KEY)
    return found.span(1)


def _digest(content: bytes, start: int, end: int) -> bytes:
    view, total = memoryview(content), hashlib.sha256()
    for part in (view[:start], BLANK.encode(), view[end:]):
        total.update(part)
    return total.hexdigest().encode()
