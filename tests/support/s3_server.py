"""A real S3 server on loopback: Ceph's gateway over one monitor and one store in memory."""

import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from obstore import sign
from obstore.store import S3Store

KEY, SECRET = "mubenchkey", "mubenchsecret"
NEEDED = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "setpriv", "curl")
CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}]
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
mon data = {folder}/mon
mon allow pool size one = true
mon data avail crit = 0
paxos propose interval = 0.01
paxos min wait = 0.01
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
keyring = {folder}/keyring
run dir = {folder}
admin socket =
log file =
log to stderr = true
err to stderr = true
"""
"""Without passwords between the daemons; the gateway itself checks every signature."""


class S3Server:
    """A running gateway, with a user and as many buckets as tests ask for."""

    def __init__(self, folder):
        self.folder = folder
        self.endpoint = f"http://127.0.0.1:{(port := _free_port())}"
        self._markers = itertools.count()
        self._buckets = itertools.count()
        self._processes = []
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir()
        config = CONFIG.format(folder=folder, fsid=uuid.uuid4(), port=port, mon_port=_free_port())
        (folder / "ceph.conf").write_text(config)
        self._environment = {**os.environ, "CEPH_CONF": str(folder / "ceph.conf")}
        self._make_monitor(config)
        self._start("ceph-mon", "-i", "a")
        self._run("ceph", "--connect-timeout", "30", "osd", "create")
        self._run("ceph-osd", "-i", "0", "--mkfs")
        self._start("ceph-osd", "-i", "0")
        self._start("radosgw", "-n", "client.admin")
        self.make_user("tester", KEY, SECRET)
        self._wait(port)

    @property
    def settings(self):
        """The environment of a user who may do everything."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def make_user(self, name, key, secret):
        """A user who owns no bucket."""
        user = ("--uid", name, "--display-name", name)
        keys = ("--access-key", key, "--secret-key", secret)
        self._run("radosgw-admin", "user", "create", *user, *keys)

    def make_bucket(self):
        """The name of a new, empty bucket."""
        name = f"bucket-{next(self._buckets)}"
        options = {"endpoint": self.endpoint, "client_options": {"allow_http": True}}
        keys = {"access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1"}
        bucket = S3Store(name, **keys, **options)
        request = Request(sign(bucket, "PUT", "", timedelta(minutes=1)), method="PUT")
        urlopen(request).close()
        return name

    @contextlib.contextmanager
    def requests(self):
        """The requests that arrive meanwhile, as (method, path), in a list that is filled after."""
        seen = []
        start = self._mark()
        yield seen
        end = self._mark()
        lines = self._log()
        between = lines[lines.index(start) + 1 : lines.index(end)]
        seen += [line for line in between if "/marker-" not in line[1]]

    def _mark(self):
        path = f"/marker-{next(self._markers)}"
        subprocess.run(["curl", "-s", "-o", os.devnull, self.endpoint + path], check=True)
        deadline = time.monotonic() + 20
        while ("GET", path) not in self._log():
            assert time.monotonic() < deadline, "the server logs nothing"
            time.sleep(0.02)
        return ("GET", path)

    def _log(self):
        text = (self.folder / "radosgw.out").read_text(errors="replace")
        return re.findall(r'beast: \S+ \S+ - \S+ \[[^]]*\] "(\w+) (\S+) HTTP', text)

    def stop(self):
        """End the daemons that this server started."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _make_monitor(self, config):
        folder = self.folder
        keyring, monmap = str(folder / "keyring"), str(folder / "monmap")
        address = re.search(r"mon host = (.*)", config).group(1)
        fsid = re.search(r"fsid = (.*)", config).group(1)
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.")
        self._run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)

    def _start(self, *command):
        """Start a daemon that ends with this process, however that ends."""
        output = (self.folder / f"{command[0]}.out").open("wb")
        with output:
            self._processes.append(
                subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", *command, "-f"],
                    env=self._environment,
                    stdout=output,
                    stderr=output,
                )
            )

    def _run(self, *command):
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def _wait(self, port):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "radosgw.out").read_text()[-2000:])


def missing_program():
    """A program that the server needs and this machine lacks, as a sentence; else None."""
    for name in NEEDED:
        if shutil.which(name) is None:
            return f"no S3 server: {name} is missing (Debian: radosgw ceph-mon ceph-osd)"
    return None


def start_s3_server(folder):
    """A server with its files below a folder; skips the test where the machine has none."""
    missing = missing_program()
    if missing is not None:
        pytest.skip(missing)
    return S3Server(Path(folder))


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
