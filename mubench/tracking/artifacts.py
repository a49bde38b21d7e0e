"""The files of a sweep's run: the data of its report, the report, the outputs."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mubench.catalogue.ids import content_id
from mubench.data.scratch import scratch_folder
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.results_files import EXAMPLES, FILES, pack, unpack
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.tracking.client import connect
from mubench.tracking.run_sync import RunSync, experiment_sweeps, find_own_run, find_run

LARGEST = 50 * 2**20
"""Bytes; a larger report and larger outputs are not sent."""
_OUTPUTS = "outputs.zip"
_TAG = "mubench.files"


def read_source(name: str, uri: str) -> SweepResults:
    """Read the results of a sweep from MLflow: a report of them has the bytes of the store's.

    Raises:
        TrackingError: the server does not answer, or has no such sweep.
        IntegrityError: its files are damaged, or none of mubench's.
    """
    with connect(uri) as client, scratch_folder() as folder:
        run_id = find_run(client, uri, name)
        paths = {artifact.path for artifact in client.list_artifacts(run_id)}
        names = [*FILES, *paths.intersection([EXAMPLES])]
        for file in names:
            client.download_artifacts(run_id, file, str(folder))
        files = {file: (folder / file).read_bytes() for file in names}
        return unpack(files, f"sweep '{name}' in {uri}", name)


def tracked_sweeps(uri: str) -> dict[str, bool]:
    """Return the names of the sweeps on a server, sorted, and whether `read_source` can read each.

    Of one whose run has not ended yet, or is not complete, the server has no results.

    Raises:
        TrackingError: the server does not answer.
    """
    with connect(uri) as client:
        runs = {name: find_own_run(client, name) for name in experiment_sweeps(client)}
        return {name: bool(run and _TAG in run.data.tags) for name, run in sorted(runs.items())}


def upload(client: Any, runs: RunSync, source: SweepResults, report: Path | None) -> list[str]:
    """Send the results and the report's folder where they changed; return what was left out."""
    files = pack(source)
    notes = []
    if report is not None:
        pages = {f"report/{p.relative_to(report)}": p for p in report.rglob("*") if p.is_file()}
        if sum(path.stat().st_size for path in pages.values()) <= LARGEST:
            files |= {name: path.read_bytes() for name, path in pages.items()}
        else:
            notes.append(f"{report} is larger than {LARGEST >> 20} MB and was not sent")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _send_once(client, runs, _TAG, content_id(digests), files)
    return notes


def upload_outputs(
    client: Any, runs: RunSync, store: Store, plan: Plan, records: Mapping[str, Record]
) -> list[str]:
    """Send the per-example outputs of a completed sweep as one zip file, without weights.

    Returns:
        What was left out.
    """
    ids = sorted(
        plan.steps[key].unlearn_id
        for key, record in records.items()
        if record.purpose == "final" and record.kind in ("retrain", "final")
    )
    digest = content_id(ids)
    if runs.tag(f"{_TAG}.outputs") == digest:
        return []
    content = _zipped(store, ids)
    if content is None:
        return [f"outputs are larger than {LARGEST >> 20} MB and were not sent; the store has them"]
    _send_once(client, runs, f"{_TAG}.outputs", digest, {_OUTPUTS: content})
    return []


def _zipped(store: Store, ids: list[str]) -> bytes | None:
    """Stored outputs in a zip file, uncompressed (random digits); None beyond `LARGEST`."""
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
    client: Any, runs: RunSync, tag: str, digest: str, files: Mapping[str, bytes]
) -> None:
    """Send files unless the tag has their digest; the tag is written last."""
    if runs.tag(tag) == digest:
        return
    with scratch_folder() as folder:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(runs.run_id, str(folder))
    runs.set_tag(tag, digest)
