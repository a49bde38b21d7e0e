"""The forget sets of a plan as files: what each of its requests forgets, by example id."""

import re
from pathlib import Path

from mubench.data import forget_file
from mubench.run.workspace import Workspace, require_request
from mubench.store.store import Store
from mubench.sweep.plan import Plan, Step


def export_forget_sets(plan: Plan, folder: Path, data_dir: str | None) -> int:
    """Write one file a request into `folder`; return how many.

    Raises:
        DataError: the data are missing or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(Store(""), data_dir)
    files = {_file(step): step for step in plan.steps.values() if step.request is not None}
    for file, step in files.items():
        request = require_request(step)
        forget, _ = workspace.divided(step)
        about = {
            "dataset": step.dataset.name,
            "options": dict(step.dataset.options),
            "data": workspace.dataset(step).fingerprint,
            "scenario": request.forget.label,
            "purpose": request.purpose,
            "seed": request.seed_forget,
            "classes": list(request.classes),
        }
        forget_file.write(folder / file, about, forget.ids.tolist())
    return len(files)


def _file(step: Step) -> str:
    """One name for all requests that forget the same: model and train seed do not matter."""
    request = require_request(step)
    parts = (step.dataset.label, request.forget.label, request.purpose, request.target)
    return re.sub(r"[^\w.=+-]+", "_", "-".join(parts)) + ".json"
