"""A sweep so small that running it costs less than starting Ray, and how tests look at it."""

import copy
import os
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import yaml

from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace

TINY: dict[str, Any] = {
    "name": "tiny",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2, "train_size": 200}],
        "model": ["small_cnn"],
        "forget": [{"scenario": "random", "ratio": 0.1}],
    },
    "methods": {"ga": {}},
    "shared": {"batch_size": 32},
    "training": {"epochs": 1},
    "search": {"trials": 2},
    "seeds": {
        "search": {"train": [100], "forget": [100]},
        "final": {"train": [0], "forget": [0]},
    },
    "floor": 1,
    "controls": [],
}
"""Ten steps: two originals, three Retrains, two candidates, three final steps."""

MEASURED = frozenset(
    {"rte_seconds", "wall_seconds", "prepare_seconds", "peak_mib", "energy_joules"}
)
"""Metrics that no two runs share; all others are equal on the same processor."""


def write(path, **changes):
    """Write the tiny sweep as YAML with some top-level keys changed; return the path as text."""
    node = {**copy.deepcopy(TINY), **changes}
    path.write_text(yaml.safe_dump(node, sort_keys=False))
    return str(path)


def values(record):
    """All of a record that two runs on one processor share."""
    metrics = {name: value for name, value in record.metrics.items() if name not in MEASURED}
    return (record.status, record.message, dict(record.params), record.candidate, metrics)


def all_values(records):
    """Those of every record, by id."""
    return {key: values(record) for key, record in records.items()}


def descendants(pid):
    """Ids of all living processes below one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it just ended
            continue
        if state != "Z":
            parents.setdefault(int(parent), set()).add(int(stat.parent.name))
    found, waiting = set(), [pid]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            found.add(child)
            waiting.append(child)
    return found


def listening(pids):
    """Addresses on which processes listen for TCP connections."""
    owned = {link for pid in pids for link in _links(pid)}
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state, inode = (line.split()[column] for column in (1, 3, 9))
            if state == "0A" and f"socket:[{inode}]" in owned:
                found.append(_address(local.partition(":")[0]))
    return found


def _links(pid):
    links = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            links.add(os.readlink(link))
        except OSError:  # closed meanwhile
            continue
    return links


def _address(text):
    """From the kernel's hexadecimal, in which each four bytes stand in the machine's order."""
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    address = ip_address(b"".join(words))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def finish(opened):
    """Run what a sweep lacks, step after step in this process, without Ray."""
    workspace = Workspace(opened.store)
    schedule = Schedule(opened.plan, opened.store.records.read())
    opened.save()
    while ready := schedule.next():
        record = run_step(ready.step, workspace, ready.candidate)
        opened.store.records.append(record)
        schedule.finish(record)
    return schedule.records


def users_of(folder):
    """Processes that have their temporary files below a folder, as those of a session of Ray."""
    setting = os.fsencode(f"TMPDIR={folder}/")
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if setting in environment.read_bytes():
                found.append(int(environment.parent.name))
    return found
