"""What is wrong with the files of a store, each checked on its own, and how it is mended."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from mubench.errors import IntegrityError
from mubench.store.results_files import EXAMPLES, PLAN, SWEEP, read_plan, unpack_examples
from mubench.store.retention import released_steps
from mubench.store.sealed import check_seal, from_yaml
from mubench.store.store import Store


class Problem(NamedTuple):
    """Something wrong, in one line, and the files that are of no use any more."""

    text: str
    files: tuple[str, ...] = ()


def problems_of(store: Store) -> Iterator[Problem]:
    """Yield each problem: damaged files first, then references without files.

    Every file that mubench reads again is looked at; MLflow's database is only a view of them.
    """
    damaged = [Problem(text, (name,)) for name, text in sorted(store.records.problems().items())]
    damaged += _small_files(store)
    yield from damaged
    stored = store.artefacts.ids()
    for step_id in sorted(stored):
        damage = store.artefacts.verify(step_id)
        if damage is not None:
            yield Problem(damage, tuple(store.files.list(f"artefacts/{step_id}")))
    for step_id in sorted(store.checkpoints.ids()):
        try:
            store.checkpoints.load(step_id)
        except IntegrityError as error:
            yield Problem(str(error), tuple(store.files.list(f"checkpoints/{step_id}")))
    if not damaged:
        yield from _missing(store, stored)


def repair(store: Store) -> Iterator[str]:
    """Set damaged files aside, in the folder `damaged` of the store; yield their names.

    The next run of each sweep makes them again, or computes their steps again. The caller holds
    the store's lock.
    """
    for problem in [*problems_of(store)]:
        for name in problem.files:
            store.set_aside(name)
            yield name


def _small_files(store: Store) -> Iterator[Problem]:
    """Scores, and what was saved of sweeps."""
    for name in store.files.list("scores", ".parquet"):
        yield from _problem(store, name, check_seal)
    for name in store.files.list("sweeps"):
        check = {PLAN: read_plan, SWEEP: from_yaml, EXAMPLES: unpack_examples}
        yield from _problem(store, name, check.get(name.rpartition("/")[2], check_seal))


def _problem(store: Store, name: str, check: Callable[[bytes, str], object]) -> Iterator[Problem]:
    try:
        check(store.files.read(name), store.files.path(name))
    except FileNotFoundError:
        return
    except IntegrityError as error:
        yield Problem(str(error), (name,))


def _missing(store: Store, stored: Collection[str]) -> Iterator[Problem]:
    """References that are done and have no files."""
    records, released = store.records.read(), released_steps(store)
    for key in sorted(records):
        record = records[key]
        is_reference = record.kind in ("train", "retrain") and record.status == "ok"
        if is_reference and record.unlearn_id not in stored and key not in released:
            yield Problem(
                f"artefacts/{record.unlearn_id}: missing, though '{record.title}' is done; a run "
                "that needs it makes it again (was it made by a worker that has another store?)"
            )
