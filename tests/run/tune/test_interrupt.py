"""Signals end a run; workers end too, and are waited for."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mubench.run.tune.interrupt import SIGNALS, interruptible, stop_processes


@pytest.mark.parametrize("sent", SIGNALS)
def test_a_signal_leaves_the_context_and_is_noted(sent):
    before = [signal.getsignal(each) for each in SIGNALS]
    reached = False
    with interruptible() as interruption:
        os.kill(os.getpid(), sent)
        time.sleep(5)
        reached = True
    assert not reached
    assert interruption.signum == sent
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_handler_that_another_put_in_place_is_replaced_again():
    """As Ray and Ray Tune do when they start."""
    with interruptible() as interruption:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        interruption.install()
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(5)
    assert interruption.signum == signal.SIGUSR1


def test_without_a_signal_nothing_is_noted_and_other_errors_pass():
    with interruptible() as interruption:
        pass
    assert interruption.signum is None
    with pytest.raises(ValueError, match="mine"), interruptible():
        raise ValueError("mine")


def test_in_another_thread_signals_stay_as_they_are():
    seen = []

    def run():
        with interruptible() as interruption:
            interruption.install()
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, {}); print(flush=True); time.sleep(60)"
)


@pytest.fixture
def process(request):
    begun = subprocess.Popen(
        [sys.executable, "-c", STUBBORN.format(request.param)], stdout=subprocess.PIPE
    )
    begun.stdout.readline()
    reaper = threading.Thread(target=begun.wait)  # a worker's raylet collects it
    reaper.start()
    yield begun
    begun.kill()
    reaper.join()
    begun.stdout.close()


@pytest.mark.parametrize("process", ["lambda *_: (time.sleep(1), exit(7))"], indirect=True)
def test_a_process_that_saves_its_work_first_is_waited_for(process):
    stop_processes([process.pid], patience=30)
    assert process.returncode == 7


@pytest.mark.parametrize("process", ["signal.SIG_IGN"], indirect=True)
def test_a_process_that_does_not_end_is_not_waited_for_for_ever(process):
    stop_processes([process.pid], patience=0.3)
    assert process.poll() is None


def test_a_process_that_is_gone_is_no_trouble():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stop_processes([gone.pid], patience=30)
