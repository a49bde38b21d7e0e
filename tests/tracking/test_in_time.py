"""A server that answers a byte at a time, or never, ends a sync in time and in one line."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mubench.errors import TrackingBusy, TrackingError
from mubench.tracking import in_time
from mubench.tracking.artifacts import tracked_sweeps
from mubench.tracking.attempts import Attempts
from mubench.tracking.client import connect
from mubench.tracking.in_time import InTime
from tests.support.tracked_world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture(params=["drips its body", "drips its head", "says nothing"])
def uri(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that would hold a client for days; no wait for a byte is long."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if request.param == "drips its body":
                connection.sendall(ANSWER + b"{")
            while not over.wait(0.02):
                if request.param != "says nothing":
                    connection.sendall(b" " if "body" in request.param else b"H")

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()


def test_a_sync_gives_up(uri: str, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(in_time, "CALL_SECONDS", 0.2)
    world.record()
    world.uri = uri
    said: list[str] = []
    with pytest.raises(TrackingError) as caught:
        world.sync(attempts=Attempts(1.5, said.append))
    assert str(caught.value) == (
        f"{uri}: no complete answer in 0.2 s; the records are safe in the store; run 'mubench "
        "mlflow sync' later, with the same sweep and --store"
    )
    assert said == [f"{uri}: no complete answer in 0.2 s; trying again for 2 s"]


def test_a_reader_gives_up(uri: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(in_time, "CALL_SECONDS", 0.2)
    with pytest.raises(TrackingError, match="no complete answer"):
        tracked_sweeps(uri)


def test_all_calls_together_have_a_limit_too(uri: str):
    with pytest.raises(TrackingError, match="no complete answer"), connect(uri, lambda: 0.1) as it:
        it.get_experiment("0")


def test_no_time_is_left_for_a_further_attempt(monkeypatch: pytest.MonkeyPatch):
    """Each written run renews the patience, and nothing renews the total."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    attempts = Attempts(patience=1e6, total=1.5)

    def attempt() -> None:
        attempts.wrote(is_new=True)
        time.monotonic() < start + 60 or pytest.fail("it goes on")
        raise TrackingBusy("busy")

    start = time.monotonic()
    with pytest.raises(TrackingError, match="busy"):
        attempts.succeed(attempt)


def test_a_call_that_ends_in_time_gives_its_answer_or_its_error():
    class Client:
        def add(self, one: int, *, other: int) -> int:
            return one + other

        def fail(self) -> None:
            raise TimeoutError("its own")

    client = InTime(Client, lambda: 60.0)
    assert client.add(1, other=2) == 3
    with pytest.raises(TimeoutError, match="its own"):
        client.fail()
