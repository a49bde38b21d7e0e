"""The forget sets of a plan as files: what each of its requests forgets, by example id."""

from pathlib import Path

from mubench.data import forget_file
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.sweep.request import Request
from mubench.sweep.steps import TrainStep


def export_forget_sets(plan: Plan, folder: Path, data_dir: str | None) -> int:
    """Write one file a request into `folder`; return how many.

    Raises:
        DataError: the data are missing or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(Store(""), data_dir)
    steps = [step for step in plan.steps.values() if not isinstance(step, TrainStep)]
    files = {_file(step.request): step for step in steps}
    for file, step in files.items():
        request, inputs = step.request, workspace.open(step)
        about = {
            "dataset": request.training.dataset.name,
            "options": dict(request.training.dataset.options),
            "data": inputs.dataset.fingerprint,
            "scenario": request.forget.label,
            "purpose": request.purpose,
            "seed": request.flat_seed,
            "classes": list(request.classes),
        }
        forget_file.write_forget_file(folder / file, about, inputs.forget.ids.tolist())
    return len(files)


def _file(request: Request) -> str:
    """One name for all requests that forget the same: model and train seed do not matter."""
    parts = (
        request.training.dataset.label,
        request.forget.label,
        request.purpose,
        request.target,
    )
    return forget_file.file_name(*parts)
