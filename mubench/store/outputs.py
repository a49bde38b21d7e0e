"""What the models of a finished sweep said, and who is related to whom: by records alone.

No data set, no plan and no model is needed: outputs are read from the store when asked for.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from mubench.errors import IntegrityError
from mubench.metrics.outputs import Outputs
from mubench.metrics.related_models import Answers, Related, Relation
from mubench.store.record import Record, is_scored
from mubench.store.store import Store
from mubench.sweep.grid import kind_and_ratio
from mubench.sweep.kinds import ORIGINAL

PARTS_HELD = 16
"""Parts of outputs that stay in memory: references are asked for again and again."""
Relatives = Mapping[Relation, tuple[Record, ...]]


class SweepAnswers:
    """The stored outputs of a sweep's final steps and Retrains.

    The original has none of its own: what it says of D_f and D_r is part of what it said of D_tr
    when it was trained.
    """

    def __init__(self, store: Store, records: Iterable[Record]) -> None:
        final = [record for record in records if record.purpose == "final"]
        self.records = tuple(r for r in final if r.kind in ("retrain", "final") and is_scored(r))
        """Those that have numbers, in their order."""
        self._store = store
        self._trained = {_training(r): r for r in final if r.kind == "train"}
        retrains = [r for r in self.records if r.kind == "retrain"]
        self._anchors = {r.request: r for r in retrains if r.replica == 0}
        self._originals = {r.request: r for r in self.records if r.row == ORIGINAL}
        self._of_request = _grouped(retrains, lambda r: r.request)
        self._of_forget_set = _grouped(retrains, _forgotten)
        self._of_row = _grouped(self.records, _row)
        self._part: Callable[[str, str], Outputs] = lru_cache(PARTS_HELD)(self._load)

    def of(self, record: Record) -> Answers:
        """What a record's model said.

        Reading it raises IntegrityError where the outputs are missing, damaged or incomplete.
        """
        read = self._of_original if record.row == ORIGINAL else self._of_stored
        return _Read(partial(read, record))

    def anchor(self, request: str) -> Record | None:
        """The Retrain that a request's gaps are taken to."""
        return self._anchors.get(request)

    def original(self, request: str) -> Record | None:
        """The final record of the row that does nothing."""
        return self._originals.get(request)

    def relatives(self, record: Record) -> Relatives:
        """The records of a record's relatives, as `Related` defines them."""
        me, row = record.id, _row(record)
        anchor, original = self.anchor(record.request), self.original(record.request)
        is_method = record.kind == "final" and record.row != ORIGINAL
        return {
            "target": (record,),
            "retrained": (anchor,) if anchor and anchor.id != me else (),
            "original": (original,) if original and is_method else (),
            "references": tuple(r for r in self._of_request[record.request] if r.id != me),
            "siblings": tuple(self._of_row[row]),
            "oracles": tuple(r for r in self._of_forget_set[_forgotten(record)] if _row(r) != row),
        }

    def related(self, record: Record, relatives: Relatives) -> Related:
        """A record's model and its relatives."""
        found = {relation: tuple(map(self.of, held)) for relation, held in relatives.items()}
        return Related(
            target=self.of(record),
            retrained=next(iter(found["retrained"]), None),
            original=next(iter(found["original"]), None),
            references=found["references"],
            siblings=found["siblings"],
            oracles=found["oracles"],
            forget_classes=record.forget_classes,
            is_groupwise=kind_and_ratio(record.scenario)[0] == "group",
        )

    def _of_stored(self, record: Record, part: str) -> Outputs:
        return self._part(record.unlearn_id, part)

    def _of_original(self, record: Record, part: str) -> Outputs:
        trained, anchor = self._trained.get(_training(record)), self.anchor(record.request)
        if trained is None or anchor is None:
            raise IntegrityError(f"{record.request}: no record of its original or its Retrain")
        if part == "test":
            return self._part(trained.unlearn_id, part)
        ids = self._part(anchor.unlearn_id, part).ids
        try:
            return self._part(trained.unlearn_id, "train").of_ids(ids)
        except KeyError as error:
            raise IntegrityError(f"{trained.unlearn_id}: of another split: {error}") from error

    def _load(self, unlearn_id: str, part: str) -> Outputs:
        arrays = self._store.artefacts.load(unlearn_id, part)
        try:
            return Outputs(arrays["ids"], arrays["labels"], arrays["logits"], arrays.get("groups"))
        except (KeyError, ValueError) as error:
            raise IntegrityError(f"{unlearn_id}/{part}: no outputs: {error}") from error


@dataclass(frozen=True, eq=False)
class _Read:
    """A model's outputs, each part read when it is asked for."""

    read: Callable[[str], Outputs]

    @property
    def forget(self) -> Outputs:
        return self.read("forget")

    @property
    def retain(self) -> Outputs:
        return self.read("retain")

    @property
    def holdout(self) -> Outputs:
        return self.read("test")


def _grouped(
    records: Iterable[Record], key: Callable[[Record], Hashable]
) -> defaultdict[Hashable, list[Record]]:
    found: defaultdict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        found[key(record)].append(record)
    return found


def _training(record: Record) -> tuple[str, str, int]:
    """What tells the originals of one sweep apart."""
    return (record.dataset, record.model, record.seed_train)


def _forgotten(record: Record) -> tuple[str, str]:
    return (record.cell, record.forget_hash)


def _row(record: Record) -> Hashable:
    """What a model and those of other train seeds share."""
    return (record.kind, record.row, record.selection, *_forgotten(record), record.replica)
