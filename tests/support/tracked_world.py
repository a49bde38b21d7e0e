"""A made-up sweep and an MLflow database."""

import math
import shutil
import sqlite3
from pathlib import Path

from mubench.store.record import Record
from mubench.store.results import SweepResults, outline
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Step
from mubench.tracking.client import default_uri
from mubench.tracking.sync import sync

OBJECTIVES = (0.5, 0.2, 0.3)
CHANGES = [
    "grid.forget=[{scenario: random, ratio: 0.1}]",
    "methods={ft: {}, ga: {}}",
    "search.trials=3",
    "seeds.search={train: [100], forget: [100]}",
    "seeds.final={train: [0, 1], forget: [0, 1], pair: zip}",
    "floor=0",
    "claims=[]",
    "controls=[]",
]
CELL = "digits[flip_labels=0.2]/small_cnn/random-0.1"
SHORT = "random-0.1"


def seeds(count: int) -> str:
    """A change of the sweep: so many final requests."""
    numbers = list(range(count))
    return f"seeds.final={{train: {numbers}, forget: {numbers}, pair: zip}}"


def small_plan(*changes: str) -> Plan:
    return make_plan(load.load("quickstart", [*CHANGES, *changes]).spec)


def small_outline() -> SweepResults:
    loaded = load.load("quickstart", CHANGES)
    return outline(make_plan(loaded.spec), loaded)


def record_of(step: Step, **changes: object) -> Record:
    training, label = step.training, getattr(step, "label", "")
    of_request = {} if step.kind == "train" else {"scenario": "random-0.1", "cell": CELL}
    of_row: dict[str, object] = {}
    metrics: dict[str, float] = {"gap": 0.1 + training.seed, "ua": 0.25, "odd:name!": math.inf}
    if step.kind == "search":
        metrics = {"objective": OBJECTIVES[step.place]}
        of_row = {"study": step.study_id, "candidate": step.place}
    elif step.kind == "final":
        study = {"study": step.study.id, "candidate": 1} if step.study else {}
        of_row = {"selection": step.selection or "", **study}
    if label:
        of_row |= {"row": label, "method": step.row.method if step.row else label}
        of_row |= {"params": {"lr": 0.1, "epochs": 2}}
    values: dict[str, object] = {
        "id": step.id,
        "unlearn_id": step.unlearn_id,
        "kind": step.kind,
        "status": "ok",
        "dataset": training.dataset.label,
        "model": training.model.label,
        "scenario": "",
        "cell": training.label,
        "request": training.name if step.kind == "train" else step.request.name,
        "purpose": training.purpose,
        "seed_train": training.seed,
        "metrics": metrics,
        "created": "2026-02-03T04:05:06.789+00:00",
        "seconds": 1.5,
    }
    return Record(**{**values, **of_request, **of_row, **changes})


class World:
    def __init__(self, folder: Path, database: Path) -> None:
        self.store = Store(str(folder))
        self.uri = default_uri(self.store.uri)
        self.plan = small_plan()
        self.outline = small_outline()
        self.database = folder / "mlflow.db"
        folder.mkdir(exist_ok=True)
        shutil.copy(database, self.database)

    def record(self, **changes: object) -> None:
        for step in self.plan.steps.values():
            self.store.records.append(record_of(step, **changes))
        self.store.records.compact()

    def sync(self, **options: object):
        return sync(self.plan, self.store, self.outline, self.uri, None, **options)

    def runs(self) -> dict[str, object]:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name("mubench/quickstart")
        runs = client.search_runs([found.experiment_id], max_results=1000) if found else []
        names = [run.info.run_name for run in runs]
        assert len(set(names)) == len(names), "no two runs read alike"
        return {run.info.run_name: run for run in runs}

    def state(self) -> list[tuple[object, ...]]:
        """All that MLflow holds."""
        with sqlite3.connect(self.database) as db:
            return [
                row
                for table in ("runs", "metrics", "params", "tags", "experiment_tags")
                for row in sorted(db.execute(f"select * from {table}"), key=repr)
            ]


def shown(world: World) -> dict[str, object]:
    own = ("mubench.files", "mlflow.parentRunId", "mlflow.log")
    return {
        name: (
            run.info.status,
            run.data.params,
            run.data.metrics,
            {k: v for k, v in run.data.tags.items() if not k.startswith(own)},
        )
        for name, run in world.runs().items()
    }
