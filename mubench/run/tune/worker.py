"""The worker: a Ray Tune trainable that runs step after step in one process."""

import json
from collections.abc import Mapping
from typing import Any

from ray import tune
from typing_extensions import override

from mubench.catalogue import plugins
from mubench.catalogue.ids import source_id
from mubench.run.step_result import not_run
from mubench.run.trial import run_step
from mubench.run.workspace import Workspace
from mubench.store.record import Record
from mubench.store.store import Store
from mubench.store.table import record_to_json
from mubench.sweep.steps import Candidate, Step

_OTHER_CODE = (
    "this worker has other code than the sweep was planned with: install the same mubench and the "
    "same plug-ins on every machine, and do not edit them while a sweep runs"
)


class StepActor(tune.Trainable):
    """Runs the step that its configuration names; reused, so that data and models stay loaded."""

    @override
    def setup(
        self,
        config: dict[str, Any],
        steps: Mapping[str, Step] | None = None,
        store_uri: str = "",
        data_dir: str | None = None,
        given: tuple[plugins.Plugin, ...] = (),
        sources: tuple[str, ...] = (),
        code: str = "",
    ) -> None:
        plugins.add(given)
        self._has_other_code = bool(sources) and source_id(*sources) != code
        self._steps = steps or {}
        self._workspace = Workspace(Store(store_uri), data_dir)

    @override
    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True

    @override
    def step(self) -> dict[str, Any]:
        due = json.loads(self.config["due"])
        step = self._steps[due["step"]]
        if due["refusal"]:
            record = not_run("refused", step, due["refusal"])
        elif self._has_other_code:
            record = not_run("error", step, _OTHER_CODE)
        else:
            record = self.run_step(step, Candidate(due["params"], due["candidate"]))
        return {"record": record_to_json(record), "done": True}

    def run_step(self, step: Step, candidate: Candidate) -> Record:
        """The record of a step; what a step can do wrong is in it."""
        return run_step(step, self._workspace, candidate)

    @override
    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save: what a step made is in the store."""

    @override
    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing to load."""
