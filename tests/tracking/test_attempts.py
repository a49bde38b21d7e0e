"""How long a sync is tried, on a clock that stands still but for pauses and attempts."""

from collections.abc import Callable

import pytest

from mubench.errors import TrackingBusy, TrackingError
from mubench.tracking import attempts as module
from mubench.tracking.attempts import Attempts

BUSY = TrackingBusy("http://mlflow: busy")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def answering(*answers: object) -> Callable[[], object]:
    left = iter(answers)

    def attempt() -> object:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return attempt


def test_a_success_is_returned_at_once(clock: Clock):
    assert Attempts(60.0).succeed(answering("done")) == "done"
    assert clock.pauses == []


def test_after_a_failure_success_is_checked_by_another_attempt(clock: Clock):
    """What a server carries out late is found by it."""
    told: list[str] = []
    attempt = answering(BUSY, BUSY, "first", BUSY, "second", "checked")
    assert Attempts(60.0, told.append).succeed(attempt) == "checked"
    assert clock.pauses == [1.0, 2.0, 4.0]
    assert told == ["http://mlflow: busy; trying again for 60 s"]


def test_it_gives_up_when_the_patience_is_over(clock: Clock):
    with pytest.raises(TrackingBusy):
        Attempts(60.0).succeed(answering(*[BUSY] * 20))
    assert clock.pauses == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    with pytest.raises(TrackingBusy):
        Attempts().succeed(answering(BUSY, "done"))


def test_each_written_run_renews_the_patience(clock: Clock):
    attempts = Attempts(20.0)

    def attempt() -> None:
        if clock.now < 100.0:
            attempts.wrote(is_new=True)
        clock.now += 19.0
        raise BUSY

    with pytest.raises(TrackingBusy):
        attempts.succeed(attempt)
    assert clock.now > 100.0
    assert set(clock.pauses) == {1.0}


def test_what_no_later_attempt_can_mend_is_raised_at_once(clock: Clock):
    with pytest.raises(TrackingError, match="no such table"):
        Attempts(60.0).succeed(answering(TrackingError("no such table"), "done"))
    assert clock.pauses == []


def test_it_counts_what_all_attempts_wrote_together():
    attempts = Attempts()
    for is_new in (True, False, True, False, False):
        attempts.wrote(is_new=is_new)
    assert (attempts.created, attempts.completed) == (2, 3)
