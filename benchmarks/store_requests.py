"""Requests that a store costs on an S3 server: those of a step, of reading and of merging.

Starts the server of the tests (Ceph's gateway; Debian: radosgw ceph-mon ceph-osd) and counts in its
log. Beside each number stands what the same files cost through `pyarrow.fs`.

    python benchmarks/store_requests.py [--records 999]
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import fs

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.smoke import sized

from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.lock import Lock
from mubench.store.records import Records
from tests.support.s3_server import S3Server, missing_program
from tests.support.stored_records import record

PARTS = {name: {"logits": np.ones((4, 2))} for name in ("weights", "forget", "retain", "test")}


class ArrowPlace:
    """The bucket through `pyarrow.fs`, which has neither conditional writes nor bulk deletes."""

    def __init__(self, uri: str, endpoint: str) -> None:
        self.root = uri.removeprefix("s3://")
        host = endpoint.removeprefix("http://")
        self._fs = fs.S3FileSystem(endpoint_override=host, scheme="http", region="us-east-1")

    def write(self, name: str, content: bytes) -> str:
        with self._fs.open_output_stream(f"{self.root}/{name}") as stream:
            stream.write(content)
        return ""

    def create(self, name: str, content: bytes) -> bool:
        if self.exists(name):
            return False
        self.write(name, content)
        return True

    def read(self, name: str) -> bytes:
        with self._fs.open_input_stream(f"{self.root}/{name}") as stream:
            return bytes(stream.read())

    def exists(self, name: str) -> bool:
        return bool(self._fs.get_file_info(f"{self.root}/{name}").type == fs.FileType.File)

    def versions(self, folder: str) -> dict[str, str]:
        where = fs.FileSelector(f"{self.root}/{folder}", recursive=True, allow_not_found=True)
        files = [i for i in self._fs.get_file_info(where) if i.type == fs.FileType.File]
        return {i.path[len(self.root) + 1 :]: str(i.mtime_ns) for i in files}

    def delete(self, names: list[str]) -> None:
        for name in names:
            if self.exists(name):
                self._fs.delete_file(f"{self.root}/{name}")


def costs(server: S3Server, files: Files, size: int) -> dict[str, float]:
    """Requests of each operation."""

    def count(function: Callable[[], Any]) -> int:
        with server.requests() as seen:
            function()
        return len(seen)

    records, artefacts = Records(files), Artefacts(files)
    made = [record(str(number)) for number in range(size)]
    found = {"a record": count(lambda: records.append(made[0]))}
    found["an artefact of four parts"] = count(lambda: artefacts.save("x", PARTS))
    reader = Artefacts(files)
    found["reading its parts"] = count(lambda: [reader.load("x", part) for part in PARTS])
    files.overlapped(records.append, made[1:])
    killed = Records(files)
    found[f"reading {size:,} single records"] = count(killed.read)
    found["reading them again"] = count(killed.read)
    found[f"merging {size:,} records"] = count(records.compact)
    found["reading them merged"] = count(Records(files).read)
    found["taking the lock"] = count(lambda: Lock(files, "s")._take())
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=sized(999, 9))
    size = parser.parse_args().records
    if missing := missing_program():
        print(missing)
        return
    with tempfile.TemporaryDirectory() as folder:
        server = S3Server(Path(folder))
        try:
            # Without the last one pyarrow sends checksums that servers before 2025 refuse.
            checksums = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
            os.environ |= server.settings | checksums
            files = Files(f"s3://{server.make_bucket()}/store")
            now = costs(server, files, size)
            arrow = Files(f"s3://{server.make_bucket()}/store")
            arrow._place = ArrowPlace(arrow.absolute_uri, server.endpoint)
            before = costs(server, arrow, size)
        finally:
            server.stop()
    print(f"{'requests':>8} {'pyarrow.fs':>10} {'ratio':>6}")
    for name, requests in now.items():
        print(f"{requests:8} {before[name]:10} {before[name] / requests:6.1f}  {name}")


if __name__ == "__main__":
    main()
