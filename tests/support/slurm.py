"""A real Slurm cluster on loopback: a controller and two nodes of one CPU, without passwords."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

NEEDED = ("slurmctld", "slurmd", "sbatch", "srun", "scontrol")
CONFIG = """
ClusterName=mubench
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=2
MpiDefault=none
ReturnToService=2
FirstJobId={first_job}
NodeName=one NodeAddr=127.0.0.2 NodeHostname=localhost Port={one} CPUs=1
NodeName=two NodeAddr=127.0.0.3 NodeHostname=localhost Port={two} CPUs=1
PartitionName=all Nodes=ALL Default=YES State=UP
"""
STARTS_WITHIN_SECONDS = 60.0
PATIENCE = 400.0
"""Seconds after which a job hangs."""


def missing():
    """The programs of Slurm that this machine lacks (Debian: slurmctld slurmd slurm-client)."""
    return [name for name in NEEDED if not _program(name)]


class Slurm:
    """A cluster that takes jobs."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def submit(self, *command, **environment):
        """`sbatch`; return the id of the job."""
        result = self.call("sbatch", "--parsable", *command, **environment)
        return result.strip()

    def call(self, *command, **environment):
        """The output of a command of Slurm."""
        result = subprocess.run(
            command,
            env={**self.environment, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout

    def job(self, key):
        """What Slurm says of a job, as a dictionary."""
        words = self.call("scontrol", "--oneliner", "show", "job", key).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait(self, key, *states):
        """Wait until a job is in one of some states; return what Slurm says of it."""
        deadline = time.monotonic() + PATIENCE
        while (said := self.job(key))["JobState"] not in states:
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        return said


@contextmanager
def slurm(folder: Path):
    """Start a cluster in a folder; end it, and what its jobs left, with the context."""
    cluster = Slurm(folder)
    (folder / "state").mkdir()
    controller, one, two = _free_ports(3)
    text = CONFIG.format(
        folder=folder,
        user=getpass.getuser(),
        controller=controller,
        one=one,
        two=two,
        first_job=os.getpid() % 50_000 + 1000,
    )
    (folder / "slurm.conf").write_text(text)
    for name in ("one", "two"):
        (folder / name).mkdir()
    daemons = [["slurmctld", "-D"], ["slurmd", "-D", "-N", "one"], ["slurmd", "-D", "-N", "two"]]
    running = [
        subprocess.Popen(
            [_program(name), *options],
            env=cluster.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, *options in daemons
    ]
    try:
        _until_idle(cluster)
        yield cluster
        cluster.call("scancel", "--user", getpass.getuser())
        _until_idle(cluster)
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


def _until_idle(cluster):
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        result = subprocess.run(
            ["sinfo", "--noheader", "--format=%D %t"],
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.stdout.split() == ["2", "idle"]:
            return
        assert time.monotonic() < deadline, f"{result.stdout}{result.stderr}"
        time.sleep(0.2)


def _program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
