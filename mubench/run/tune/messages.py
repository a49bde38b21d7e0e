"""What driver and workers tell each other. Loads neither torch nor Optuna."""

from dataclasses import dataclass
from typing import NamedTuple

from mubench.catalogue.plugins import Plugin
from mubench.sweep.steps import Candidate, Step


@dataclass(frozen=True)
class Job:
    """What all workers of a run share.

    `token` lies in the store, for a worker to see that its store is the driver's; `code` is the id
    of the `sources` that decide results.
    """

    store_uri: str
    token: str = ""
    data_dir: str | None = None
    added_plugins: tuple[Plugin, ...] = ()
    sources: tuple[str, ...] = ()
    code: str = ""


class Start(NamedTuple):
    """What a worker says when it has started: its node, its GPUs there, and what is wrong."""

    node: str
    gpus: tuple[int, ...] = ()
    pid: int = 0
    problem: str = ""


@dataclass(frozen=True)
class ReadyStep:
    """A step that can run now; a `refusal` says why it is not run but recorded as refused."""

    step: Step
    candidate: Candidate
    refusal: str | None = None


class Pause(NamedTuple):
    """Nothing to do yet: ask again."""

    seconds: float


class Leave(NamedTuple):
    """Nothing to do any more."""


Answer = tuple[ReadyStep, ...] | Pause | Leave
"""What a worker does next."""
