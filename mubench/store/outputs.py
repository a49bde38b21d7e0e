"""The stored outputs of a completed sweep, and which of its models are related.

Records say which models are related. No data set, plan or model is needed; outputs are read from
the store on demand.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from mubench.errors import IntegrityError
from mubench.metrics.outputs import Outputs, SplitOutputs
from mubench.metrics.related_models import ModelContext, Relation
from mubench.store.record import Record, is_scored
from mubench.store.store import Store
from mubench.sweep.kinds import ORIGINAL

PARTS_HELD = 16
"""Parts of outputs that stay in memory: references are read many times."""
_RTE = "rte_seconds"
RelatedRecords = Mapping[Relation, tuple[Record, ...]]


class StoredOutputs:
    """The stored outputs of a sweep's final steps and Retrains.

    The original has no outputs on D_f and D_r of its own: they are parts of its outputs on D_tr.
    """

    def __init__(self, store: Store, records: Iterable[Record]) -> None:
        final = [record for record in records if record.purpose == "final"]
        self.records = tuple(r for r in final if r.kind in ("retrain", "final") and is_scored(r))
        """The final steps and Retrains that have metrics, in their order."""
        self._trained = {_training(r): r for r in final if r.kind == "train"}
        self._of_recipe = _grouped(filter(is_scored, self._trained.values()), _recipe)
        retrains = [r for r in self.records if r.kind == "retrain"]
        self._anchors = {r.request: r for r in retrains if r.replica == 0}
        self._originals = {r.request: r for r in self.records if r.row == ORIGINAL}
        self._of_request = _grouped(retrains, lambda r: r.request)
        self._of_forget_set = _grouped(retrains, _forget_set)
        self._of_row = _grouped(self.records, _row)
        self._part: Callable[[str, str], Outputs] = lru_cache(PARTS_HELD)(
            partial(read_outputs, store)
        )

    def of(self, record: Record) -> SplitOutputs:
        """The outputs of a record's model.

        Reading a split raises IntegrityError where it is missing, damaged or incomplete.
        """
        if record.row == ORIGINAL:
            return self._original_of(record, self._trained.get(_training(record)))
        return _StoredSplits(partial(self._part, record.unlearn_id))

    def anchor(self, request: str) -> Record | None:
        """The Retrain that a request's gaps are taken to."""
        return self._anchors.get(request)

    def original(self, request: str) -> Record | None:
        """The final record of the row `original`."""
        return self._originals.get(request)

    def related(self, record: Record) -> RelatedRecords:
        """The records of the related models, as `ModelContext` defines the relations."""
        own, row = record.id, _row(record)
        anchor, original = self.anchor(record.request), self.original(record.request)
        trained = self._trained.get(_training(record))
        same_forget_set = self._of_forget_set[_forget_set(record)]
        is_method = record.kind == "final" and record.row != ORIGINAL
        return {
            "target": (record,),
            "retrained": (anchor,) if anchor and anchor.id != own else (),
            "original": (original,) if original and is_method else (),
            "references": tuple(r for r in self._of_request[record.request] if r.id != own),
            "replicates": tuple(self._of_row[row]),
            "retrains": tuple(r for r in same_forget_set if _row(r) != row),
            "before": (trained,) if trained else (),
            "originals": tuple(self._of_recipe[_recipe(record)]),
        }

    def context(self, record: Record, related: RelatedRecords) -> ModelContext:
        """A record's model and the models related to it; a model is one object in all relations."""
        made = {r.id: self.of(r) for records in related.values() for r in records}
        made |= {r.id: self._original_of(record, r) for r in related["originals"]}
        models = {relation: tuple(made[r.id] for r in found) for relation, found in related.items()}
        anchor = next(iter(related["retrained"]), None)
        return ModelContext(
            target=made[record.id],
            retrained=next(iter(models["retrained"]), None),
            original=next(iter(models["original"]), None),
            references=models["references"],
            replicates=models["replicates"],
            retrains=models["retrains"],
            before=next(iter(models["before"]), None),
            originals=models["originals"],
            forget_classes=record.forget_classes,
            is_groupwise=record.scenario.partition("-")[0] == "group",
            seconds=record.metrics.get(_RTE),
            retrained_seconds=anchor.metrics.get(_RTE) if anchor else None,
        )

    def _original_of(self, record: Record, trained: Record | None) -> SplitOutputs:
        """An original's outputs on the splits of a record's request."""
        return _StoredSplits(partial(self._part_of_original, record, trained))

    def _part_of_original(self, record: Record, trained: Record | None, part: str) -> Outputs:
        anchor = self.anchor(record.request)
        if trained is None or anchor is None:
            raise IntegrityError(f"{record.request}: no record of its original or its Retrain")
        if part == "test":
            return self._part(trained.unlearn_id, part)
        ids = self._part(anchor.unlearn_id, part).ids
        try:
            return self._part(trained.unlearn_id, "train").of_ids(ids)
        except KeyError as error:
            raise IntegrityError(f"{trained.unlearn_id}: of another split: {error}") from error


def read_outputs(store: Store, unlearn_id: str, part: str) -> Outputs:
    """One part of a model's outputs. Raises IntegrityError: missing, damaged or incomplete."""
    arrays = store.artefacts.load(unlearn_id, part)
    try:
        return Outputs.of_arrays(arrays)
    except (KeyError, ValueError) as error:
        raise IntegrityError(f"{unlearn_id}/{part}: no outputs: {error}") from error


@dataclass(frozen=True, eq=False)
class _StoredSplits:
    """A model's outputs, each split read on demand."""

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
    groups: defaultdict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return groups


def _training(record: Record) -> tuple[str, str, int]:
    """The key of an original in a sweep."""
    return (record.dataset, record.model, record.seed_train)


def _recipe(record: Record) -> tuple[str, str]:
    """The key that originals of all train seeds share."""
    return (record.dataset, record.model)


def _forget_set(record: Record) -> tuple[str, str]:
    return (record.cell, record.forget_hash)


def _row(record: Record) -> Hashable:
    """The key that replicates share: everything but the train seed."""
    return (record.kind, record.row, record.selection, *_forget_set(record), record.replica)
