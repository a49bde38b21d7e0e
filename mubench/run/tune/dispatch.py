"""Which workers there are, and what each does next: all decisions of a run that need no Ray.

A worker that is free gets the next ready step of its share of the machine. It stays while there
may soon be one, and makes room for a step that matters more and needs another share.
"""

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mubench.errors import RunError, StoreError
from mubench.run.tune.messages import Answer, Leave, Pause, ReadyStep, Start
from mubench.run.tune.pool import Node, Pool, Share
from mubench.run.tune.schedule import Schedule
from mubench.run.tune.worker_times import WorkerTimes
from mubench.store.record import Record
from mubench.sweep.steps import Step

RETRIES = 2
"""How often a step starts again after its worker died (a spot machine, the kernel's killer)."""
FAILED_STARTS = 3
"""How many workers in a row may fail to start while none runs."""
LINGER_SECONDS = 60.0
"""How long a worker waits for a step: starting another takes some ten seconds."""
NODES_EVERY = 1.0
"""Seconds between two looks at the cluster's nodes."""
TOGETHER_SECONDS = 0.25
"""Steps that are shorter are handed out several at a time, for about as long as this."""
TOGETHER_MOST = 32
_SOON, _PATIENCE = 0.02, 0.2
"""A worker without a step asks again after 0.02 s, and later whenever it waited 20 % longer."""


@dataclass
class _Worker:
    share: Share
    start: Start | None = None
    must_leave: bool = False
    idle_since: float | None = None
    steps: tuple[Step, ...] = ()

    @property
    def is_spare(self) -> bool:
        """Whether it takes a step soon: it starts or waits."""
        return not self.steps and not self.must_leave


@dataclass
class _Promise:
    """A seat that is kept for a worker, and the workers that have to leave it."""

    share: Share
    leaving: frozenset[str]


@dataclass
class Dispatcher:
    """Starts workers where steps are ready and room is free, and gives steps to those that wait.

    `keep` has records stored; it is called before the schedule moves on, so that results come
    before what is made of them. `lost` makes the record of a step whose worker died too often.
    """

    schedule: Schedule
    find_nodes: Callable[[], Sequence[Node]]
    keep: Callable[[Sequence[Record]], None]
    lost: Callable[[Step], Record]
    started: Callable[[Step], None]
    clock: Callable[[], float] = time.monotonic
    error: BaseException | None = None
    pool: Pool = field(default_factory=Pool)
    workers: dict[str, _Worker] = field(default_factory=dict)
    times: WorkerTimes = field(default_factory=WorkerTimes)
    _promises: dict[str, _Promise] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=itertools.count)
    _looked: float = -math.inf
    _losses: Counter[str] = field(default_factory=Counter)
    _failed_starts: int = 0
    _rest_until: float = -math.inf
    _seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do, or nothing more can be stored."""
        return self.error is not None or self.schedule.is_finished

    @property
    def busy(self) -> int:
        """How many workers run a step."""
        return sum(bool(worker.steps) for worker in self.workers.values())

    @property
    def starts(self) -> list[Start]:
        """What the workers that are there said when they started."""
        return [worker.start for worker in self.workers.values() if worker.start is not None]

    def open(self, worker: str) -> Share | None:
        """The share of a worker to start now under that name; None while there are enough."""
        now = self._look()
        if self.is_over or now < self._rest_until:
            return None
        for share in {promise.share for promise in self._promises.values()}:
            if self._missing(share) <= 0:
                self._drop_promises(share)
        for share in self._shares():
            if self._missing(share) > 0 and self._find_seat(worker, share):
                self.workers[worker] = _Worker(share)
                self.times.begin(worker, "starting")
                return share
        return None

    def has_started(self, worker: str, start: Start) -> None:
        """A worker is there."""
        if start.problem:
            self.error = self.error or RunError(start.problem)
            return
        self._failed_starts = 0
        self.workers[worker].start = start
        self.times.begin(worker, "waiting")
        self.pool.move(worker, start.node, start.gpus)

    def has_finished(self, worker: str, records: Sequence[Record], refusal: str = "") -> None:
        """A worker has done its steps; or the store refused them, and no worker can go on."""
        if self.workers[worker].steps:
            self.times.begin(worker, "waiting")
        self.workers[worker].steps = ()
        for record in records:
            self._note_seconds(record)
        self._accept(records)
        if refusal:
            self.error = self.error or StoreError(refusal)

    def has_gone(self, worker: str, *, failed: bool, reason: str = "") -> None:
        """A worker is no more; what it was doing is due again, or lost after too many tries."""
        gone = self.workers.pop(worker, None)
        if gone is None:
            return
        self.times.end(worker)
        self.pool.remove(worker)
        if failed and gone.start is None:
            self._note_failed_start(reason)
        for step in gone.steps:
            self._losses[step.id] += failed
            if self._losses[step.id] > RETRIES:
                self._accept([self.lost(step)])
            else:
                self.schedule.put_back(step)

    def next_for(self, worker: str) -> Answer:
        """What a free worker does next."""
        now, me = self.clock(), self.workers[worker]
        if me.must_leave or self.is_over:
            return Leave()
        ready = self._take(me.share)
        if ready:
            me.steps, me.idle_since = tuple(each.step for each in ready), None
            self.times.begin(worker, "working")
            return ready
        me.idle_since = now if me.idle_since is None else me.idle_since
        waited = now - me.idle_since
        if waited > LINGER_SECONDS or self._is_surplus() or self._is_in_the_way(me.share):
            me.must_leave = True
            return Leave()
        return Pause(min(_SOON + _PATIENCE * waited, max(0.5, len(self.workers) / 100)))

    def demand(self, most: int) -> list[Share]:
        """Shares of the workers that could run steps now, for a cluster that grows by itself."""
        running = [worker.share for worker in self.workers.values()]
        missing = (
            itertools.repeat(share, max(0, self._missing(share))) for share in self._shares()
        )
        return list(itertools.islice(itertools.chain(running, *missing), most))

    def _accept(self, records: Sequence[Record]) -> None:
        if self.error is not None or not records:
            return
        try:
            self.keep(records)
        except Exception as failure:  # noqa: BLE001  a full disk must stop the sweep, not Tune's loop
            self.error = failure
            return
        for record in records:
            self.schedule.finish(record)

    def _shares(self) -> list[Share]:
        return self.schedule.shares(self._left())

    def _left(self) -> float:
        """For how many trials all workers of the cluster are busy still."""
        left = self.schedule.trials_left
        return sum(trials * self.pool.part_of(share) for share, trials in left.items())

    def _look(self) -> float:
        now = self.clock()
        if now - self._looked >= NODES_EVERY:
            self._looked = now
            self.pool.set_nodes(self.find_nodes())
        return now

    def _missing(self, share: Share) -> int:
        """How many more workers of a share have a step to run."""
        spare = sum(w.share == share and w.is_spare for w in self.workers.values())
        return self.schedule.ready(share) - spare

    def _find_seat(self, worker: str, share: Share) -> bool:
        """Take a seat that is free or was promised; if there is none, have one made free."""
        promised = [name for name, promise in self._promises.items() if promise.share == share]
        for name in promised:
            if not self._promises[name].leaving & self.workers.keys():
                del self._promises[name]
                self.pool.rename(name, worker)
                return True
        seat = self.pool.find(share)
        if seat is not None:
            self.pool.add(worker, seat)
            return True
        if len(promised) < self._missing(share):
            self._promise(share)
        return False

    def _promise(self, share: Share) -> None:
        """Let workers whose next step matters less leave, so that a seat becomes free."""
        left = self._left()
        movable = [
            name
            for name, worker in self.workers.items()
            if not worker.must_leave
            and worker.share != share
            and self.schedule.matters_more(share, worker.share, left)
        ]
        easiest = self.pool.easiest_to_free(share, movable)
        if easiest is None:
            return
        seat, leaving = easiest
        name = f"promise {next(self._names)}"
        self._promises[name] = _Promise(share, leaving)
        self.pool.add(name, seat)
        for worker in leaving:
            self.workers[worker].must_leave = True

    def _drop_promises(self, share: Share) -> None:
        for name in [n for n, promise in self._promises.items() if promise.share == share]:
            for worker in self._promises.pop(name).leaving & self.workers.keys():
                self.workers[worker].must_leave = False
            self.pool.remove(name)

    def _take(self, share: Share) -> tuple[ReadyStep, ...]:
        first = self.schedule.next(share, self._left())
        if first is None:
            return ()
        taken = [first]
        while len(taken) < self._together(first.step, share):
            another = self.schedule.next(share, self._left())
            if another is None:
                break
            if self._losses[another.step.id]:
                self.schedule.put_back(another.step)
                break
            taken.append(another)
        for each in taken:
            self.started(each.step)
        return tuple(taken)

    def _together(self, step: Step, share: Share) -> int:
        """How many steps to hand out at once: more than one only if they are very short.

        One whose worker died goes alone, so that it takes no others with it.
        """
        seconds = self._seconds.get(step.kind)
        if seconds is None or self._losses[step.id]:
            return 1
        beside = sum(worker.share == share for worker in self.workers.values())
        fair = 1 + self.schedule.ready(share) // (2 * max(1, beside))
        return min(TOGETHER_MOST, fair, max(1, int(TOGETHER_SECONDS / max(seconds, 1e-3))))

    def _note_seconds(self, record: Record) -> None:
        before = self._seconds.get(record.kind, record.seconds)
        self._seconds[record.kind] = max(record.seconds, 0.8 * before + 0.2 * record.seconds)

    def _is_surplus(self) -> bool:
        """Whether more workers wait than steps are left."""
        waiting = sum(worker.is_spare for worker in self.workers.values())
        return waiting > self.schedule.left - len(self.schedule.running)

    def _is_in_the_way(self, share: Share) -> bool:
        """Whether steps of another share are ready and have no room."""
        return any(
            other != share and self._missing(other) > 0 and self.pool.find(other) is None
            for other in self._shares()
        )

    def _note_failed_start(self, reason: str) -> None:
        self._failed_starts += 1
        self._rest_until = self.clock() + min(30, 2**self._failed_starts - 1)
        if self._failed_starts >= FAILED_STARTS and not self.starts:
            self.error = self.error or RunError(
                f"{self._failed_starts} workers in a row could not start: {reason or 'no reason'}"
            )
