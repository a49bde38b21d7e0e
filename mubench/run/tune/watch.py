"""What is looked at once a second while a sweep runs: the cluster's nodes, and who waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mubench.errors import plural
from mubench.run.tune.dispatch import Dispatcher
from mubench.run.tune.pool import Node, Share
from mubench.run.tune.schedule import Schedule
from mubench.store.record import Record
from mubench.sweep.steps import Step

_ASK_EVERY, _SAY_EVERY = 5, 60
"""Looks between two words to the autoscaler, and between two lines about waiting for nodes."""
_MOST_ASKED = 1000


class Progress(Protocol):
    """Who wants to know how a sweep goes."""

    def start(self, schedule: Schedule) -> None:
        """The run begins."""
        ...

    def say(self, line: str) -> None:
        """Something to know, in one line."""
        ...

    def started(self, step: Step) -> None:
        """A step was handed out."""
        ...

    def finished(self, record: Record, schedule: Schedule) -> None:
        """A record was stored."""
        ...

    def looked(self, busy: int, workers: int) -> None:
        """About a second has passed: how many workers run a step, of how many."""
        ...


@dataclass
class Watch:
    """Gives a dispatcher the nodes; tells the progress, and the autoscaler if there may be one."""

    progress: Progress
    find_nodes: Callable[[], Sequence[Node]]
    ask_for: Callable[[Sequence[Share]], None] | None
    at_first: Callable[[], None] = lambda: None
    """Called when Tune's loop has begun: Tune puts its own handler in place of one of ours."""
    dispatcher: Dispatcher | None = None
    _looks: int = 0
    _nodes: frozenset[str] = frozenset()

    def __call__(self) -> Sequence[Node]:
        """Look."""
        nodes = self.find_nodes()
        if self.dispatcher is not None:
            self._tell(self.dispatcher)
            self._tell_changes(frozenset(node.id for node in nodes))
            self._looks += 1
        return nodes

    def end(self) -> None:
        """Tell the autoscaler that nothing is wanted any more."""
        if self.ask_for is not None:
            self.ask_for([])

    def _tell(self, dispatcher: Dispatcher) -> None:
        if not self._looks:
            self.at_first()
        self.progress.looked(dispatcher.busy, len(dispatcher.workers))
        if self.ask_for is not None and self._looks % _ASK_EVERY == 0:
            self.ask_for(dispatcher.demand(_MOST_ASKED))
        if not dispatcher.starts and self._looks % _SAY_EVERY == _SAY_EVERY - 1:
            wanted = dict.fromkeys(dispatcher.demand(_MOST_ASKED))
            self.progress.say(f"waiting for a node with {' or '.join(map(str, wanted))}")

    def _tell_changes(self, nodes: frozenset[str]) -> None:
        came, went = nodes - self._nodes, self._nodes - nodes
        if went:
            self.progress.say(f"{plural(len(went), 'node')} gone; their steps run again")
        if came and self._nodes:
            self.progress.say(f"{plural(len(came), 'node')} joined")
        self._nodes = nodes
