"""Plain progress: a line now and then, and one at every failure."""

import io
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from mubench.run.open_sweep import open_sweep
from mubench.run.tune.schedule import Schedule
from mubench.session import progress as screen

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_plain_progress_is_a_line_now_and_then_and_at_every_failure(finished, monkeypatch):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    now = iter([0.0, 3.0, 10.0, 12.0, 13.0])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(now))
    printed = io.StringIO()
    record = next(iter(opened.store.records.read().values()))
    record = replace(record, kind="train", seconds=20.0)
    with screen.Screen(Console(file=printed, width=200)) as shown:
        shown.start(Schedule(opened.plan, {}))
        shown.started(opened.plan.steps[record.id])
        shown.looked(busy=1, workers=2)
        for _ in range(3):
            shown.finished(record, Schedule(opened.plan, {}))
        shown.say("a word")
        failed = replace(record, status="error", message="it [bold]broke[/bold]")
        shown.finished(failed, Schedule(opened.plan, {}))
    title = opened.plan.steps[record.id].title
    kinds = Counter(step.kind for step in opened.plan.steps.values())
    # A training took 20 s; a Retrain is thought to take as long, anything else a tenth.
    left = 20 * (kinds["train"] - 2 + kinds["retrain"]) + 2 * (kinds["search"] + kinds["final"])
    assert printed.getvalue().splitlines() == [
        "tiny: 0 of 10 steps completed, 10 to run",
        f"2/10 steps completed after 10 s; 1 of 2 workers busy, about {left / 2:.0f} s left",
        "a word",
        f"error: {title}: it [bold]broke[/bold]",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.2, "5 s"), (89, "89 s"), (150, "2 min"), (5400, "1.5 h")]
)
def test_durations_are_short(seconds, text):
    assert screen._duration(seconds) == text


def test_a_terminal_shows_kinds_of_steps_and_busy_workers(finished):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    printed = io.StringIO()
    with screen.Screen(Console(file=printed, width=200, force_terminal=True)) as shown:
        shown.start(Schedule(opened.plan, {}))
        shown.looked(busy=1, workers=2)
    kinds = Counter(step.kind for step in opened.plan.steps.values())
    assert f"train 0/{kinds['train']}, retrain 0/{kinds['retrain']}, " in printed.getvalue()
    assert "; 1 of 2 workers busy" in printed.getvalue()


def test_a_notebook_shows_the_bar_in_one_place(finished, monkeypatch):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    shown = []
    monkeypatch.setattr(screen.NotebookArea, "show", lambda _, bar: shown.append(bar))
    printed = io.StringIO()
    console = Console(file=printed, width=200, force_jupyter=True)
    monkeypatch.setattr(console, "print", lambda text, **_: printed.write(f"{text}\n"))
    record = next(iter(opened.store.records.read().values()))
    with screen.Screen(console) as bar:
        schedule = Schedule(opened.plan, {})
        bar.start(schedule)
        bar.looked(busy=1, workers=2)
        for _ in range(3):
            bar.finished(replace(record, seconds=3600.0), schedule)
        assert "; 1 of 2 workers busy" in _text(shown[-1])
        bar.looked(busy=2, workers=2)
        assert "; 2 of 2 workers busy, about" in _text(shown[-1])
    assert len(shown) == 3
    assert " 3/10 " in _text(shown[-1])
    assert "busy" not in _text(shown[-1])
    assert printed.getvalue() == "tiny: 0 of 10 steps completed, 10 to run\n"


def _text(bar):
    text = io.StringIO()
    Console(file=text, width=200).print(bar)
    return text.getvalue()
