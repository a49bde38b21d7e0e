"""Keeps the state of a training in the store, every few minutes and when it is asked to stop."""

import math
import time
import warnings
from dataclasses import asdict

import torch

from mubench.errors import IntegrityError, Interrupted, StoreError
from mubench.models.training.checkpoint import State
from mubench.models.training.cost_meter import Cost, Stopwatch
from mubench.run.stop import is_stop_requested
from mubench.store.checkpoints import Checkpoints
from mubench.sweep.steps import RetrainStep, TrainStep


class StepCheckpointer:
    """The checkpoints of one training, under the id of its outputs; it times the training too.

    What other code or another recipe left has another id, and is never found.
    """

    def __init__(self, checkpoints: Checkpoints, step: TrainStep | RetrainStep) -> None:
        self._checkpoints = checkpoints
        self._step = step
        self._every = step.execution.checkpoint_seconds or math.inf
        self._due = time.monotonic() + self._every
        self._stopwatch = Stopwatch(torch.device(step.execution.device))
        self._has_any = False

    def load(self) -> State | None:
        """The state that an earlier attempt left; a damaged one is passed over with a warning."""
        with self._stopwatch.paused():
            try:
                found = self._checkpoints.load(self._step.unlearn_id)
                self._has_any = found is not None
            except IntegrityError as error:
                self._has_any, found = True, None
                warnings.warn(f"{error}; the training begins again", stacklevel=2)
            if found is None:
                return None
            self._stopwatch.cost += Cost(**found.about["cost"])
            return {name: torch.from_numpy(array) for name, array in found.arrays.items()}

    def is_due(self) -> bool:
        """Whether the interval is over, or the process was asked to stop."""
        return is_stop_requested() or time.monotonic() >= self._due

    def save(self, state: State) -> None:
        """Keep a state, unless checkpoints are off.

        Raises:
            Interrupted: the process was asked to stop.
        """
        with self._stopwatch.paused():
            if math.isfinite(self._every):
                self._keep(state)
        if is_stop_requested():
            raise Interrupted(f"{self._step.title}: asked to stop; run it again to go on")
        self._due = time.monotonic() + self._every

    def cost(self) -> Cost:
        """What the training has cost in all of its attempts, without its checkpoints."""
        self._stopwatch.stop()
        self._stopwatch.start()
        return self._stopwatch.cost

    def discard(self) -> None:
        """Delete the checkpoint: the training is over."""
        if self._has_any:
            self._checkpoints.discard(self._step.unlearn_id)

    def _keep(self, state: State) -> None:
        """A training of hours does not end because it could not be saved: the next may work."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in state.items()}
        about = {"cost": asdict(self._stopwatch.cost)}
        try:
            self._checkpoints.save(self._step.unlearn_id, arrays, about)
        except StoreError as error:
            warnings.warn(f"no checkpoint of {self._step.title}: {error}", stacklevel=2)
        else:
            self._has_any = True
