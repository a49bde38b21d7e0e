"""A completed sweep with more evidence: final steps examine their models, kept or made again."""

from collections.abc import Iterable

from mubench.data.availability import require_data
from mubench.errors import InputError, RunError
from mubench.run.open_sweep import open_loaded
from mubench.session.complete import complete, tell_failures
from mubench.session.settings import Settings
from mubench.store.results import SweepResults
from mubench.store.store import Store
from mubench.sweep.evidence import Evidence
from mubench.sweep.load import load_mapping


def rerun_with(
    source: SweepResults, blocks: Iterable[str], store: Store, data_dir: str | None
) -> None:
    """Add blocks to a stored sweep and run what they ask for; options that it has stay.

    Trainings, searches and outputs are in the store already and do not run again, unless code,
    data or versions have changed since.

    Raises:
        InputError: an unknown block, or one that needs no weights.
        DataError: a data set is not on this machine; nothing was written.
        RunError: a step failed, or the run was interrupted.
    """
    document = dict(source.document)
    asked = Evidence.model_validate(document.get("evidence")).model_dump(exclude_none=True)
    for block in blocks:
        if block not in Evidence.of_weights():
            known = ", ".join(Evidence.of_weights())
            raise InputError(f"--rerun {block}: needs no weights, or is unknown; known: {known}")
        asked.setdefault(block, {})
    document["evidence"] = asked
    loaded = load_mapping(document, source.name)
    # Before the plan with evidence takes the place of the one whose records are there.
    require_data((data.card for data in loaded.spec.grid.dataset), data_dir)
    opened = open_loaded(loaded, store.uri, data_dir=data_dir, decode=True)
    ended = complete(opened, Settings(mlflow=False, data_dir=data_dir))
    again = f"'mubench score {source.name} --rerun ...'"
    if tell_failures(ended, again) or ended.interrupted_by is not None:
        raise RunError(f"{source.name}: not all evidence was added; the same command continues")
