"""Processes: which can be looked up from here, and which have ended."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from mubench.store.process import Process, boot_clock


def test_this_process_lives_on_this_machine():
    own = Process.own()
    assert own.pid == os.getpid()
    assert own.is_of_this_machine
    assert not own.is_gone
    assert replace(own, started="1").is_gone


def test_a_process_whose_machine_is_unknown_cannot_be_looked_up():
    assert not replace(Process.own(), machine="").is_of_this_machine
    assert not replace(Process.own(), machine="another").is_of_this_machine


def test_a_child_is_gone_when_it_ends_and_before_it_is_waited_for():
    code = "from mubench.store.process import Process; p = Process.own(); print(p.started)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    process = replace(Process.own(), pid=child.pid, started=child.stdout.read().strip())
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.is_gone
    child.communicate()
    assert process.is_gone


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces everywhere")
def test_a_process_of_another_pid_namespace_is_of_another_machine():
    """As in a container on the same host: its numbers mean other processes."""
    code = "from mubench.store.process import Process; print(Process.own().machine)"
    inner = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code],
        capture_output=True,
        text=True,
    )
    if inner.returncode:
        pytest.skip(f"no namespaces here: {inner.stderr}")
    assert inner.stdout.strip()
    assert inner.stdout.strip() != Process.own().machine


def test_the_clock_goes_on():
    first = boot_clock()
    assert boot_clock() >= first
