"""What a method is, and what happens around each: copying, withholding, timing, checking."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, final

import torch
from torch import nn

from mubench.data.split import Split
from mubench.errors import Diverged, UndeclaredError
from mubench.seeds import derive_seed
from mubench.training.descent import Descent, NormMode, Precision, is_finite
from mubench.training.loader import Loader
from mubench.training.meter import Cost, Meter, measure

SplitName = Literal["forget", "retain", "validation"]


@dataclass(frozen=True, kw_only=True)
class ForgetTask:
    """All that a method may know: D_f, D_r, D_val, and how to draw. No test data is in reach."""

    splits: Mapping[SplitName, Split]
    num_classes: int
    seed: int
    new_model: Callable[[], nn.Module]
    """Fresh weights: those that the original started from."""
    precision: Precision = "float32"
    meter: Meter = field(default_factory=Meter)
    notes: dict[str, float] = field(default_factory=dict)
    """Numbers that a method wants in its record, by the name of a metric."""

    @property
    def forget(self) -> Split:
        """D_f."""
        return self._split("forget")

    @property
    def retain(self) -> Split:
        """D_r."""
        return self._split("retain")

    @property
    def validation(self) -> Split:
        """D_val, never trained on."""
        return self._split("validation")

    @property
    def device(self) -> torch.device:
        """Where model and data live."""
        return next(iter(self.splits.values())).device

    def generator(self, name: str) -> torch.Generator:
        """A CPU generator of its own for `name`."""
        return torch.Generator().manual_seed(derive_seed(self.seed, name))

    def loader(self, name: Literal["forget", "retain"], size: int, *, augment: bool) -> Loader:
        """Shuffled batches of D_f or D_r."""
        return Loader(self._split(name), size, seed=self.seed, name=name, augment=augment)

    def declared(self, needs: frozenset[str]) -> "ForgetTask":
        """This task with everything withheld that `needs` does not name.

        Without `forget_labels`, D_f's labels are -1: a cross-entropy on them fails at once.
        """
        splits = {name: split for name, split in self.splits.items() if name in needs}
        if "forget" in splits and "forget_labels" not in needs:
            splits["forget"] = splits["forget"].without_labels()
        return replace(self, splits=splits)

    def _split(self, name: SplitName) -> Split:
        if name not in self.splits:
            raise UndeclaredError(f"the method reads '{name}' but does not declare it in `needs`")
        return self.splits[name]


@dataclass(frozen=True)
class Prepared:
    """What `prepare` returned and what it cost; `diverged` says why it returned nothing."""

    value: Any
    cost: Cost
    diverged: str = ""


@dataclass(frozen=True)
class Unlearned:
    """The unlearned model in `eval()` mode, and how it came about. `cost` includes `prepare`."""

    model: nn.Module
    status: Literal["ok", "diverged"]
    message: str
    cost: Cost
    prepare_cost: Cost
    notes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A method: its fields are its hyperparameters, `unlearn` is its algorithm.

    Class, file, card (`search_spaces/methods/<name>.yaml`) and `needs` agree; a contract test
    holds them together.
    """

    needs: ClassVar[frozenset[str]]
    """Of `forget`, `forget_labels`, `retain`, `validation`, `teacher`, `initial_weights`."""
    prepare_params: ClassVar[tuple[str, ...]] = ()
    """Hyperparameters that `prepare` reads: equal ones share one prepared value per request."""

    def prepare(self, model: nn.Module, task: ForgetTask) -> Any:
        """Compute what does not depend on the other hyperparameters. Must not change `model`."""
        del model, task

    @abstractmethod
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        """Change `model`, a copy of the original, in place.

        The caller copies, times and checks. `Diverged` must leave `model` finite.
        """

    @final
    def run_prepare(self, original: nn.Module, task: ForgetTask) -> Prepared:
        """Run `prepare` on a copy of the original, timed."""
        device, task = task.device, task.declared(self.needs)
        model = copy.deepcopy(original).eval()
        value, diverged = None, ""
        with task.meter.watch(model), measure(device, task.meter) as clock:
            try:
                value = self.prepare(model, task)
            except Diverged as error:
                diverged = str(error)
        return Prepared(value, clock.cost, diverged)

    @final
    def run(
        self, original: nn.Module, task: ForgetTask, prepared: Prepared | None = None
    ) -> Unlearned:
        """Unlearn on a copy of `original` (parameters and buffers), which stays untouched."""
        prepared = prepared or self.run_prepare(original, task)
        device, task = task.device, task.declared(self.needs)
        model = copy.deepcopy(original)
        if prepared.diverged:
            cost = prepared.cost
            return Unlearned(model.eval(), "diverged", prepared.diverged, cost, cost)
        status: Literal["ok", "diverged"] = "ok"
        message = ""
        with task.meter.watch(model), measure(device, task.meter) as clock:
            try:
                self.unlearn(model, task, prepared.value)
            except Diverged as error:
                status, message = "diverged", str(error)
        if not is_finite(model):
            model = copy.deepcopy(original)
            status, message = "diverged", f"{self!r} left weights that are not finite"
        cost = clock.cost + prepared.cost
        return Unlearned(model.eval(), status, message, cost, prepared.cost, task.notes)


@dataclass(frozen=True, kw_only=True)
class DescentMethod(Method):
    """A method that is a run of the descent loop; holds the settings they share."""

    learning_rate: float = 0.01
    epochs: int = 5
    batch_size: int = 64
    momentum: float = 0.9
    weight_decay: float = 5e-4
    optimizer: Literal["sgd", "adamw"] = "sgd"
    clip_norm: float = 0.0
    bn_mode: NormMode = "train"
    augment: bool = True

    def settings(self, task: ForgetTask) -> Descent:
        """The descent loop's settings."""
        return Descent(
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            optimizer=self.optimizer,
            clip_norm=self.clip_norm,
            bn_mode=self.bn_mode,
            precision=task.precision,
        )

    def loader(self, name: Literal["forget", "retain"], task: ForgetTask) -> Loader:
        """Shuffled batches of D_f or D_r at this method's batch size."""
        return task.loader(name, self.batch_size, augment=self.augment)
