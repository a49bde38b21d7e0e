"""Calls that end in time, whatever a server does."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from threading import Thread
from typing import Any

CALL_SECONDS = 120.0
"""For a call of MLflow's client with its whole answer."""


class InTime:
    """A client of MLflow whose calls raise TimeoutError after `CALL_SECONDS`, or what is `left`.

    The client's own limit is for each wait: a server that sends a byte now and then holds it for
    hours. A call that was given up goes on in its thread, which ends with the process.
    """

    def __init__(self, make: Callable[[], Any], left: Callable[[], float]) -> None:
        """Take what makes the client, and how many seconds are left for all calls together."""
        self._left = left
        self._client = self._call(make)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the client."""
        return partial(self._call, getattr(self._client, name))

    def _call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        answer: Future[Any] = Future()

        def run() -> None:
            try:
                answer.set_result(function(*args, **options))
            except BaseException as error:  # noqa: BLE001  raised where the answer is awaited
                answer.set_exception(error)

        seconds = max(0.0, min(CALL_SECONDS, self._left()))
        Thread(target=run, daemon=True).start()
        if not wait([answer], seconds).done:
            raise TimeoutError(f"no complete answer in {seconds:.3g} s")
        return answer.result()
