"""The request to stop."""

import signal

import pytest

from mubench.run import stop
from mubench.run.stop import is_stop_requested, request_stop


@pytest.fixture(autouse=True)
def _nothing_asked_afterwards(monkeypatch):
    monkeypatch.setattr(stop, "_requested", False)


def test_a_signals_handler_may_ask():
    assert not is_stop_requested()
    before = signal.signal(signal.SIGUSR1, lambda *_: request_stop())
    try:
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert is_stop_requested()
