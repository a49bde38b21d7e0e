"""Real processes that want to write into one store at the same moment."""

import multiprocessing
import os
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

PATIENCE = 300.0
"""Seconds after which something hangs."""


def answers_of(uri: str, count: int, *, killed: bool = False) -> list[str]:
    """What as many processes are told that ask for the lock at once: `in`, or the error's line.

    All stay until each has its answer; who is in is then killed, or leaves properly.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mubench.store.store"])
    start, told = context.Barrier(count, timeout=PATIENCE), context.Barrier(count, timeout=PATIENCE)
    answers = context.SimpleQueue()
    given = (uri, start, told, answers, killed)
    processes = [context.Process(target=_ask, args=given) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    found = []
    while not answers.empty():
        found.append(answers.get())
    return found


def _ask(
    uri: str, start: Barrier, told: Barrier, answers: "SimpleQueue[str]", killed: bool
) -> None:
    from mubench.errors import StoreError
    from mubench.store.store import Store

    store = Store(uri)
    start.wait()
    try:
        with store.lock("s"):
            answers.put("in")
            told.wait()
            if killed:
                os._exit(1)
    except StoreError as error:
        answers.put(str(error))
        told.wait()
    except BaseException as error:  # noqa: BLE001  it is an answer, too
        answers.put(f"{type(error).__name__}: {error}")
        told.wait()
