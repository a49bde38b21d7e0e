"""Add metrics to the records of a finished sweep from stored outputs; nothing runs.

Values lie beside the records, under the id of the metric's code and with an id of the outputs that
they come from; a current value is not computed again. A value of outdated inputs is replaced, or
removed from the record if it cannot be computed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from typing_extensions import override

from mubench.catalogue.ids import content_id, source_id
from mubench.errors import InputError, IntegrityError, MubenchError, plural
from mubench.metrics.post_hoc import Later
from mubench.metrics.related_models import NoValue
from mubench.store.outputs import Relatives, SweepAnswers
from mubench.store.record import Record
from mubench.store.scores import Score
from mubench.store.store import Store

ABSENT = "outputs are not in the store"


@dataclass(frozen=True)
class ScoringResult:
    """How many records have a value of one metric."""

    metric: str
    new: int
    """Records that got a value now."""
    old: int
    """Records that had a value before."""
    without: Mapping[str, int]
    """Numbers of records without a value, by reason."""

    @override
    def __str__(self) -> str:
        summary = f"{self.metric}: {plural(self.new + self.old, 'record')}, {self.new} new"
        reasons = [f"{count} without: {reason}" for reason, count in self.without.items()]
        return "; ".join([summary, *reasons])


def add_metrics(
    store: Store, records: Iterable[Record], metrics: Iterable[Later]
) -> Iterator[ScoringResult]:
    """Add metrics to a sweep's records, one after the other.

    Args:
        store: where outputs are, and values go.
        records: all of the sweep.
        metrics: what to compute.

    Raises:
        InputError: a plug-in failed.
        StoreError: the store cannot be written.
    """
    answers = SweepAnswers(store, records)
    relatives = {record.id: answers.relatives(record) for record in answers.records}
    for metric in metrics:
        yield _add(store, answers, relatives, metric)


def _add(
    store: Store, answers: SweepAnswers, relatives: Mapping[str, Relatives], metric: Later
) -> ScoringResult:
    code = source_id(metric.source)
    stored, shown = store.scores.read(metric.name, code), store.scores.newest(metric.name)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    changed: dict[str, Score] = {}
    by_inputs: dict[str, float | str] = {}  # records of one group share their value
    old, without = 0, Counter[str]()
    for record in answers.records:
        inputs = _inputs(record, relatives[record.id], metric)
        if _is_current(stored.get(record.id), inputs):
            old += 1
            continue
        if inputs not in by_inputs:
            by_inputs[inputs] = _value(answers, record, relatives[record.id], metric)
        value = by_inputs[inputs]
        if isinstance(value, str):
            without[value] += 1
            if _is_outdated(shown.get(record.id), inputs):
                changed[record.id] = Score(None, inputs, now)
        else:
            changed[record.id] = Score(value, inputs, now)
    if changed:
        store.scores.write(metric.name, code, {**stored, **changed})
    new = sum(score.value is not None for score in changed.values())
    return ScoringResult(metric.name, new, old, without)


def _is_current(stored: Score | None, inputs: str) -> bool:
    return stored is not None and stored.value is not None and stored.inputs == inputs


def _is_outdated(shown: Score | None, inputs: str) -> bool:
    return shown is not None and shown.value is not None and shown.inputs != inputs


def _value(
    answers: SweepAnswers, record: Record, relatives: Relatives, metric: Later
) -> float | str:
    """A metric's value, or why it is missing."""
    try:
        return metric.compute(answers.related(record, relatives))
    except NoValue as error:
        return str(error)
    except IntegrityError:
        return ABSENT
    except MubenchError:
        raise
    except Exception as error:
        raise InputError(
            f"metric {metric.name}: {type(error).__name__} for {record.row} of {record.request}: "
            f"{' '.join(str(error).split())}"
        ) from error


def _inputs(record: Record, relatives: Relatives, metric: Later) -> str:
    used = {relation: [r.unlearn_id for r in relatives[relation]] for relation in metric.uses}
    return content_id(used, record.forget_classes, record.scenario)
