"""Set up a worker process for each step: torch's settings, and the inputs of the step."""

from typing import overload

import torch

from mubench.catalogue.seeds import derive_seed
from mubench.run.instructions import limited_to
from mubench.run.process_cache import ProcessCache
from mubench.run.step_inputs import RetrainInputs, StepInputs, UnlearnInputs
from mubench.store.store import Store
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, Step, TrainStep


def seed_layers(step: Step) -> None:
    """Seed the generator that dropout draws from, by the names of the step alone."""
    torch.manual_seed(derive_seed("layers", *step.names))


def _require_avx2() -> None:
    """Refuse to run a portable step with other instructions than its id says."""
    capability = torch.backends.cpu.get_cpu_capability()
    if limited_to() != "AVX2" or capability != "AVX2":
        raise RuntimeError(
            f"this step is to keep to AVX2, and torch was loaded with {capability} before: "
            "call mubench.run.instructions.keep_to first, in a new process"
        )


class Workspace:
    """The data, models and outputs of one process, and the store that its steps use."""

    def __init__(self, store: Store, data_dir: str | None = None) -> None:
        self.store = store
        self._cache = ProcessCache(store, data_dir)

    def configure(self, step: Step) -> None:
        """Set this process to the step's threads and device; undo what an earlier step set.

        Raises RuntimeError where torch was loaded with other instructions than the step's.
        """
        execution = step.execution
        if execution.is_portable:
            _require_avx2()
        torch.set_num_threads(execution.threads)
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        seed_layers(step)
        if execution.device == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.allow_tf32 = True  # torch's own choice
            torch.backends.cuda.matmul.allow_tf32 = execution.has_tf32
            share = execution.resources.gpu
            # Ray does not enforce a share of a GPU's memory.
            torch.cuda.set_per_process_memory_fraction(share if 0 < share < 1 else 1.0)

    @overload
    def open(self, step: TrainStep) -> StepInputs[TrainStep]: ...
    @overload
    def open(self, step: RetrainStep) -> RetrainInputs: ...
    @overload
    def open(self, step: SearchStep) -> UnlearnInputs[SearchStep]: ...
    @overload
    def open(self, step: FinalStep) -> UnlearnInputs[FinalStep]: ...
    def open(
        self, step: Step
    ) -> (
        StepInputs[TrainStep] | RetrainInputs | UnlearnInputs[SearchStep] | UnlearnInputs[FinalStep]
    ):
        """What a step sees, loaded when it is asked for."""
        match step:
            case TrainStep():
                return StepInputs(step, self._cache)
            case RetrainStep():
                return RetrainInputs(step, self._cache)
            case SearchStep():
                return UnlearnInputs(step, self._cache)
            case FinalStep():
                return UnlearnInputs(step, self._cache)
