"""The files of a sweep's run: all that a report is made from, the report, the outputs."""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mubench.catalogue.ids import content_id
from mubench.store.record import Record
from mubench.store.results import ReportSource
from mubench.store.results_files import EXHIBITS, FILES, pack, unpack
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.tracking.client import connect
from mubench.tracking.mirror import Mirror, experiment_sweeps, find_own_run, find_run

LARGEST = 50 * 2**20
"""Bytes; a larger report or larger outputs stay where they are."""
_OUTPUTS = "outputs.zip"
_TAG = "mubench.files"


def read_source(name: str, uri: str) -> ReportSource:
    """What a sweep's report is made from, read back from MLflow: same records, same bytes.

    Raises:
        TrackingError: the server does not answer, or has no such sweep.
    """
    with connect(uri) as client, tempfile.TemporaryDirectory(prefix="mubench-") as folder:
        run_id = find_run(client, uri, name)
        there = {found.path for found in client.list_artifacts(run_id)}
        names = [*FILES, *there.intersection([EXHIBITS])]
        for name in names:
            client.download_artifacts(run_id, name, folder)
        return unpack({name: (Path(folder) / name).read_bytes() for name in names})


def sent_sweeps(uri: str) -> tuple[str, ...]:
    """Names of the sweeps that a server has the files of, sorted: `read_source` can read them.

    Raises:
        TrackingError: the server does not answer.
    """
    with connect(uri) as client:
        runs = {name: find_own_run(client, name) for name in experiment_sweeps(client)}
        return tuple(sorted(name for name, run in runs.items() if run and _TAG in run.data.tags))


def upload(client: Any, mirror: Mirror, source: ReportSource, report: Path | None) -> list[str]:
    """Send the source and the report folder where they have changed; say what was left out."""
    files = pack(source)
    notes = []
    if report is not None:
        found = {f"report/{p.relative_to(report)}": p for p in report.rglob("*") if p.is_file()}
        if sum(path.stat().st_size for path in found.values()) <= LARGEST:
            files |= {name: path.read_bytes() for name, path in found.items()}
        else:
            notes.append(f"{report} is larger than {LARGEST >> 20} MB and was not sent")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _send_once(client, mirror, _TAG, content_id(digests), files)
    return notes


def upload_outputs(
    client: Any, mirror: Mirror, store: Store, plan: Plan, records: Mapping[str, Record]
) -> list[str]:
    """Send the per-example outputs of a finished sweep as one zip file, without any weights."""
    ids = sorted(
        plan.steps[key].unlearn_id
        for key, record in records.items()
        if record.purpose == "final" and record.kind in ("retrain", "final")
    )
    digest = content_id(ids)
    if mirror.tag(f"{_TAG}.outputs") == digest:
        return []
    content = _zipped(store, ids)
    if content is None:
        return [f"outputs are larger than {LARGEST >> 20} MB and were not sent; the store has them"]
    _send_once(client, mirror, f"{_TAG}.outputs", digest, {_OUTPUTS: content})
    return []


def _zipped(store: Store, ids: list[str]) -> bytes | None:
    """Stored outputs, uncompressed (they are noise to a compressor); None beyond `LARGEST`."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for key in ids:
            for name in store.files.list(f"artefacts/{key}"):
                if not name.endswith("/weights.safetensors"):
                    archive.writestr(zipfile.ZipInfo(name), store.files.read(name))
                if sink.tell() > LARGEST:
                    return None
    return sink.getvalue()


def _send_once(
    client: Any, mirror: Mirror, tag: str, digest: str, files: Mapping[str, bytes]
) -> None:
    """Send files unless a tag says that the run has them; the tag comes last."""
    if mirror.tag(tag) == digest:
        return
    with tempfile.TemporaryDirectory(prefix="mubench-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(mirror.run_id, folder)
    mirror.set_tag(tag, digest)
