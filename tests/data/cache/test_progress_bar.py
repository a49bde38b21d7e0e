"""Bars: on a terminal alone, after a while, and gone at the end."""

import io
import itertools
import time

import pytest
import torch

from mubench.data.cache import progress_bar

PAIRS = [(torch.zeros(3, 2), torch.zeros(3)), (torch.zeros(2, 2), torch.zeros(2))]


class Terminal(io.StringIO):
    """Standard error that may be a terminal."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def shown(monkeypatch, is_terminal, seconds):
    """What is written while two batches are read, `seconds` apart."""
    terminal = Terminal(is_terminal)
    clock = itertools.count(step=seconds)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress_bar.sys, "stderr", terminal)
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: next(clock))
    assert (
        list(progress_bar.watched(PAIRS, 5, "reading forget", lambda pair: len(pair[1]))) == PAIRS
    )
    return terminal.getvalue()


def test_a_long_reading_on_a_terminal_has_a_bar(monkeypatch):
    text = shown(monkeypatch, True, 3.0)
    assert "reading forget" in text
    assert "5/5" in text


@pytest.mark.parametrize(("is_terminal", "seconds"), [(True, 0.1), (False, 3.0)])
def test_a_short_reading_or_a_notebook_has_none(monkeypatch, is_terminal, seconds):
    assert shown(monkeypatch, is_terminal, seconds) == ""


def test_a_bar_goes_where_a_reading_fails(monkeypatch):
    def failing():
        yield PAIRS[0]
        raise ValueError("broken")

    monkeypatch.setattr(progress_bar.sys, "stderr", Terminal(True))
    with pytest.raises(ValueError, match="broken"):
        list(progress_bar.watched(failing(), None, "reading", len))


@pytest.mark.parametrize(("is_terminal", "patience"), [(True, 0), (True, 60), (False, 0)])
def test_the_bar_of_a_method_asks_for_its_count(monkeypatch, is_terminal, patience):
    terminal = Terminal(is_terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress_bar.sys, "stderr", terminal)
    monkeypatch.setattr(progress_bar, "PATIENCE", patience)
    counts = itertools.count(30)
    with progress_bar.counting(lambda: next(counts), 40, "ugradsl"):
        end = time.monotonic() + 10
        while patience == 0 and is_terminal and "31/40" not in terminal.getvalue():
            assert time.monotonic() < end
            time.sleep(0.01)
    is_shown = is_terminal and patience == 0
    assert ("ugradsl" in terminal.getvalue()) == is_shown
