"""Add metrics to the records of a completed sweep from stored outputs; no step runs.

Values are stored beside the records, under the content id of the metric's code and with an id of
the outputs that they were computed from. A value with the same ids is not computed again. A value
of other outputs is replaced, or removed where it cannot be computed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from typing_extensions import override

from mubench.catalogue.ids import content_id, source_id
from mubench.errors import InputError, IntegrityError, MubenchError, plural
from mubench.metrics.post_hoc import PostHocMetric
from mubench.metrics.related_models import NoValue, Values
from mubench.store.outputs import RelatedRecords, StoredOutputs
from mubench.store.record import Record
from mubench.store.scores import Score
from mubench.store.store import Store

Computed = dict[tuple[str, str], Values | NoValue]
"""Values by function and inputs: replicates and the metrics of one function share them."""

ABSENT = "outputs are not in the store"
_HASHED_AS: Mapping[str, str] = {"replicates": "siblings", "retrains": "oracles"}
"""Names of relations in the ids that stores already hold."""


@dataclass(frozen=True)
class ScoringResult:
    """How many records have a value of one metric."""

    metric: str
    new: int
    """Records whose value was computed now."""
    old: int
    """Records that already had a value."""
    without: Mapping[str, int]
    """The number of records without a value, by reason."""

    @override
    def __str__(self) -> str:
        total = f"{self.metric}: {plural(self.new + self.old, 'record')}, {self.new} new"
        reasons = [f"{count} without: {reason}" for reason, count in self.without.items()]
        return "; ".join([total, *reasons])


def add_metrics(
    store: Store, records: Iterable[Record], metrics: Iterable[PostHocMetric]
) -> Iterator[ScoringResult]:
    """Add metrics to a sweep's records, one after the other.

    Args:
        store: has the outputs; the values are stored there.
        records: all records of the sweep.
        metrics: the metrics to compute.

    Raises:
        InputError: a plug-in failed.
        StoreError: the store cannot be written.
    """
    outputs = StoredOutputs(store, records)
    related = {record.id: outputs.related(record) for record in outputs.records}
    computed: Computed = {}
    for metric in metrics:
        yield _add(store, outputs, related, metric, computed)


def _add(
    store: Store,
    outputs: StoredOutputs,
    related: Mapping[str, RelatedRecords],
    metric: PostHocMetric,
    computed: Computed,
) -> ScoringResult:
    code = source_id(metric.source)
    stored, shown = store.scores.read(metric.name, code), store.scores.newest(metric.name)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    changed: dict[str, Score] = {}
    old, without = 0, Counter[str]()
    for record in outputs.records:
        inputs = _inputs(record, related[record.id], metric)
        if _is_current(stored.get(record.id), inputs):
            old += 1
            continue
        if (metric.source, inputs) not in computed:
            found = _values(outputs, record, related[record.id], metric)
            computed[metric.source, inputs] = found
        shared = computed[metric.source, inputs]
        value = shared if isinstance(shared, NoValue) else shared[metric.name]
        if isinstance(value, NoValue):
            without[str(value)] += 1
            if _is_outdated(shown.get(record.id), inputs):
                changed[record.id] = Score(None, inputs, now)
        else:
            changed[record.id] = Score(value, inputs, now)
    if changed:
        store.scores.write(metric.name, code, {**stored, **changed})
    new = sum(score.value is not None for score in changed.values())
    return ScoringResult(metric.name, new, old, without)


def _is_current(score: Score | None, inputs: str) -> bool:
    return score is not None and score.value is not None and score.inputs == inputs


def _is_outdated(score: Score | None, inputs: str) -> bool:
    return score is not None and score.value is not None and score.inputs != inputs


def _values(
    outputs: StoredOutputs, record: Record, related: RelatedRecords, metric: PostHocMetric
) -> Values | NoValue:
    """The values of all metrics that share a function, or why none of them has any."""
    try:
        return metric.compute(outputs.context(record, related))
    except NoValue as error:
        return error.with_traceback(None)  # which would keep all outputs in memory
    except IntegrityError:
        return NoValue(ABSENT)
    except MubenchError:
        raise
    except Exception as error:
        raise InputError(
            f"metric {metric.name}: {type(error).__name__} for {record.row} of {record.request}: "
            f"{' '.join(str(error).split())}"
        ) from error


def _inputs(record: Record, related: RelatedRecords, metric: PostHocMetric) -> str:
    used = {
        _HASHED_AS.get(relation, relation): [other.unlearn_id for other in related[relation]]
        for relation in metric.uses
    }
    return content_id(used, record.forget_classes, record.scenario)
