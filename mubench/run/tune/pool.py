"""Which worker sits where: nodes, their CPUs and GPUs, and the room that is left on them.

Pure: Ray decides where a worker starts, and says so; until then it has a seat where it fits.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from typing_extensions import override

from mubench.sweep.steps import Step

_TINY = 1e-6
"""Shares of a GPU are floats: three thirds are not quite one."""


class Node(NamedTuple):
    """A machine of the cluster: its CPUs and GPUs."""

    id: str
    cpu: float
    gpu: float


class Share(NamedTuple):
    """What one worker has for its steps: CPUs, and a part of one GPU or several whole ones."""

    cpu: float
    gpu: float

    @classmethod
    def of(cls, step: Step) -> Self:
        """What a step asks for; a share of a GPU counts only where it runs on one."""
        resources = step.execution.resources
        return cls(resources.cpu, resources.gpu if step.execution.device == "cuda" else 0)

    @override
    def __str__(self) -> str:
        gpu = f", {self.gpu:g} GPU" if self.gpu else ""
        return f"{self.cpu:g} CPU{gpu}"

    def fits(self, node: Node) -> bool:
        """Whether an empty node has that much."""
        return bool(_Room(node).find(self))


@dataclass(frozen=True)
class Seat:
    """The place of a worker: a node and the GPUs that it uses there, by number."""

    share: Share
    node: str
    gpus: tuple[int, ...]


class Pool:
    """The workers of a run, by their names, and the seats that they take."""

    def __init__(self) -> None:
        self.seats: dict[str, Seat] = {}
        self._rooms: dict[str, _Room] = {}
        self._starting: set[str] = set()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that are there."""
        return tuple(room.node for room in self._rooms.values())

    def set_nodes(self, nodes: Iterable[Node]) -> None:
        """Nodes come and go; workers of a node that went keep a seat until they are removed."""
        present = {node.id: node for node in nodes}
        for gone in self._rooms.keys() - present.keys():
            del self._rooms[gone]
        for key, node in present.items():
            if key not in self._rooms:
                self._rooms[key] = _Room(node)
                for seat in self.seats.values():
                    if seat.node == key:
                        self._rooms[key].take(seat)

    def part_of(self, share: Share) -> float:
        """What part of all nodes a share is, at most 1: of their CPUs or GPUs, the larger."""
        cpu, gpu = sum(node.cpu for node in self.nodes), sum(node.gpu for node in self.nodes)
        return min(1.0, max(share.cpu / max(cpu, share.cpu), share.gpu / max(gpu, share.gpu, 1)))

    def find(self, share: Share) -> Seat | None:
        """A free seat; None while there is no room."""
        for room in self._rooms.values():
            seat = room.find(share)
            if seat is not None:
                return seat
        return None

    def add(self, worker: str, seat: Seat) -> None:
        """Let a worker start at a seat, or wait for one that others still use."""
        self.seats[worker] = seat
        self._starting.add(worker)
        if seat.node in self._rooms:
            self._rooms[seat.node].take(seat)

    def remove(self, worker: str) -> Seat | None:
        """Free the seat of a worker."""
        seat = self.seats.pop(worker, None)
        self._starting.discard(worker)
        if seat is not None and seat.node in self._rooms:
            self._rooms[seat.node].free(seat)
        return seat

    def rename(self, worker: str, name: str) -> None:
        """Give the seat of one worker to another."""
        self.seats[name] = self.seats.pop(worker)
        self._starting.discard(worker)
        self._starting.add(name)

    def move(self, worker: str, node: str, gpus: tuple[int, ...]) -> None:
        """Note where Ray put a worker; one that was thought to start there gets its seat."""
        seat = self.remove(worker)
        if seat is None:
            return
        taken = Seat(seat.share, node, gpus or seat.gpus)
        other = next((name for name in self._starting if self.seats[name] == taken), None)
        if other is not None:
            self.remove(other)
            self.add(other, seat)
        self.add(worker, taken)
        self._starting.discard(worker)

    def easiest_to_free(
        self, share: Share, movable: Iterable[str]
    ) -> tuple[Seat, frozenset[str]] | None:
        """The seat for which the fewest of the `movable` workers have to leave, and these."""
        by_node: dict[str, list[str]] = {}
        for worker in movable:
            by_node.setdefault(self.seats[worker].node, []).append(worker)
        options = [
            option
            for key, workers in by_node.items()
            if key in self._rooms
            and (option := self._rooms[key].free_for(share, [(w, self.seats[w]) for w in workers]))
        ]
        return min(options, key=lambda option: len(option[1]), default=None)


def room_for(share: Share, nodes: Iterable[Node]) -> int:
    """How many workers of a share empty nodes can hold."""
    pool, count = Pool(), 0
    pool.set_nodes(nodes)
    while (seat := pool.find(share)) is not None:
        pool.add(str(count), seat)
        count += 1
    return count


@dataclass
class _Room:
    """What is left on a node; less than nothing where a seat is promised that is not free yet."""

    node: Node
    cpu: float = field(init=False)
    gpus: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.cpu = self.node.cpu
        self.gpus = [1.0] * int(self.node.gpu)

    def find(self, share: Share) -> Seat | None:
        count, part = _gpus(share)
        # The fullest GPU that still has room: whole ones stay whole.
        free = sorted((left, n) for n, left in enumerate(self.gpus) if left >= part - _TINY)
        if self.cpu < share.cpu - _TINY or len(free) < count:
            return None
        return Seat(share, self.node.id, tuple(n for _, n in free[:count]))

    def take(self, seat: Seat) -> None:
        self._change(seat, -1)

    def free(self, seat: Seat) -> None:
        self._change(seat, 1)

    def free_for(
        self, share: Share, workers: list[tuple[str, Seat]]
    ) -> tuple[Seat, frozenset[str]] | None:
        """The fewest of some workers that have to leave so that `share` fits, and its seat."""
        after = _Room(self.node)
        after.cpu, after.gpus = self.cpu, list(self.gpus)
        leaving: set[str] = set()
        for worker, seat in sorted(workers, key=lambda item: self._cost(item[1], workers)):
            after.free(seat)
            leaving.add(worker)
            found = after.find(share)
            if found is not None:
                touched = set(found.gpus)
                needed = {w for w, s in workers if w in leaving and touched & set(s.gpus)}
                return found, frozenset(needed if share.gpu else leaving)
        return None

    def _cost(self, seat: Seat, workers: list[tuple[str, Seat]]) -> tuple[int, tuple[int, ...]]:
        """GPU by GPU, those with the fewest workers first."""
        beside = sum(bool(set(seat.gpus) & set(other.gpus)) for _, other in workers)
        return beside, seat.gpus

    def _change(self, seat: Seat, sign: int) -> None:
        self.cpu += sign * seat.share.cpu
        part = _gpus(seat.share)[1]
        for number in seat.gpus:
            if number < len(self.gpus):
                self.gpus[number] += sign * part


def _gpus(share: Share) -> tuple[int, float]:
    """How many GPUs a share uses, and how much of each."""
    if not share.gpu:
        return 0, 0.0
    return (1, share.gpu) if share.gpu < 1 else (round(share.gpu), 1.0)
