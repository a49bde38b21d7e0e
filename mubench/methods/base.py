"""The base class of methods, and the frame of a run: copying, withholding, timing, checking."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Split
from mubench.errors import ContractError, Diverged, UndeclaredError
from mubench.methods.shared.fixed_norms import fixed_norms
from mubench.models.training.cost_meter import Cost, Meter, measure
from mubench.models.training.descent import Descent, NormMode, OptimizerName, Precision, is_finite
from mubench.models.training.loader import Loader

SplitName = Literal["forget", "retain", "validation"]
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class ForgetTask:
    """All that a method may use: D_f, D_r, D_val and generators; no test data can be reached."""

    splits: Mapping[SplitName, Split]
    num_classes: int
    seed: int
    new_model: Callable[[], nn.Module]
    """The model with the weights that the original's training started from."""
    original: nn.Module | None = None
    """A frozen copy of the original, for methods that declare a teacher."""
    precision: Precision = "float32"
    meter: Meter = field(default_factory=Meter)
    notes: dict[str, float] = field(default_factory=dict)
    """Values that a method adds to its record, by metric name."""

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
    def teacher(self) -> nn.Module:
        """The original in `eval()` mode without gradients, sharing no storage with the model."""
        if self.original is None:
            raise UndeclaredError("the method uses a teacher but does not declare it in `needs`")
        return self.original

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
        """This task without what `needs` does not name, and without what is corrupted.

        Without `forget_labels`, D_f's labels are -1: a cross-entropy on them fails at once.
        """
        splits = _Declared({name: s.blinded() for name, s in self.splits.items() if name in needs})
        if "forget" in splits and "forget_labels" not in needs:
            splits["forget"] = splits["forget"].without_labels()
        new_model = self.new_model if "initial_weights" in needs else _no_initial_weights
        return replace(self, splits=splits, new_model=new_model)

    def _split(self, name: SplitName) -> Split:
        return _Declared(self.splits)[name]


class _Declared(dict[SplitName, Split]):
    """The declared splits; the others are absent."""

    def __missing__(self, name: SplitName) -> Split:
        raise UndeclaredError(f"the method reads '{name}' but does not declare it in `needs`")


@dataclass(frozen=True)
class Prepared:
    """What `prepare` returned and what it cost; `diverged` says why it returned nothing."""

    value: Tensors
    cost: Cost
    diverged: str = ""


@dataclass(frozen=True)
class Unlearned:
    """The unlearned model in `eval()` mode, its cost and its status. `cost` includes `prepare`."""

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

    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        """Compute named tensors that only `prepare_params` influence; leave `model` as it is.

        A search stores it and gives it to every candidate that shares `prepare_params`.
        """
        del model, task
        return {}

    @abstractmethod
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        """Change `model`, a copy of the original, in place.

        The caller copies, times and checks. `Diverged` must leave `model` finite; `Refused` says
        that the method cannot do this, and why.
        """

    @property
    def prepares(self) -> bool:
        """Whether the method has a `prepare` of its own, whose value candidates can share."""
        return type(self).prepare is not Method.prepare

    @final
    def run_prepare(self, original: nn.Module, task: ForgetTask) -> Prepared:
        """Run `prepare` on a copy of the original, timed; without one there is nothing to time."""
        if not self.prepares:
            return Prepared({}, Cost(energy_joules=0.0))
        device, task = task.device, task.declared(self.needs)
        model = copy.deepcopy(original).eval()
        value: Tensors = {}
        diverged = ""
        with fixed_norms(model), task.meter.watch(model), measure(device, task.meter) as clock:
            try:
                value = self.prepare(model, task)
            except Diverged as error:
                diverged = str(error)
        if not isinstance(value, dict) or not all(isinstance(v, Tensor) for v in value.values()):
            raise ContractError(f"{type(self).__name__}.prepare must return a dict of tensors")
        return Prepared(value, clock.cost, diverged)

    @final
    def run(
        self, original: nn.Module, task: ForgetTask, prepared: Prepared | None = None
    ) -> Unlearned:
        """Unlearn on a copy of `original` (parameters and buffers), which stays untouched.

        Frozen parameters keep their values and stay frozen, and so do the running statistics of
        BatchNorm whose parameters are frozen. BatchNorm that sees one value of each channel, as in
        a batch of one example, uses its running statistics: `mubench.methods.shared.fixed_norms`.

        Raises:
            ContractError: the method changed its teacher or a frozen parameter.
        """
        prepared = prepared or self.run_prepare(original, task)
        device, task = task.device, replace(task.declared(self.needs), notes={})
        model = copy.deepcopy(original)
        if prepared.diverged:
            cost = prepared.cost
            return Unlearned(model.eval(), "diverged", prepared.diverged, cost, cost)
        status: Literal["ok", "diverged"] = "ok"
        message = ""
        with fixed_norms(model), task.meter.watch(model), measure(device, task.meter) as clock:
            if "teacher" in self.needs:
                task = replace(task, original=frozen_copy(model))
            try:
                self.unlearn(model, task, prepared.value)
            except Diverged as error:
                status, message = "diverged", str(error)
        if task.original is not None and not _same_weights(task.original, original):
            raise ContractError(f"{type(self).__name__} changed its teacher, the original model")
        _require_frozen(type(self).__name__, model, original)
        if not is_finite(model):
            model = copy.deepcopy(original)
            status, message = "diverged", f"{self!r} left weights that are not finite"
        model.zero_grad()
        cost = clock.cost + prepared.cost
        return Unlearned(model.eval(), status, message, cost, prepared.cost, task.notes)


def frozen_copy(model: nn.Module) -> nn.Module:
    """A copy to use as a teacher: `eval()` mode, no gradients, no shared storage."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def _require_frozen(method: str, model: nn.Module, original: nn.Module) -> None:
    """Refuse a result in which a frozen parameter moved, or is frozen no more."""
    for name, parameter in original.named_parameters():
        if parameter.requires_grad:
            continue
        found = model.get_parameter(name)
        if found.requires_grad or not torch.equal(found, parameter):
            raise ContractError(f"{method} changed a frozen parameter: {name}")


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def _no_initial_weights() -> nn.Module:
    raise UndeclaredError("the method uses initial weights but does not declare it in `needs`")


@dataclass(frozen=True, kw_only=True)
class DescentMethod(Method):
    """A method that runs the descent loop; holds the settings that such methods share."""

    learning_rate: float = 0.01
    epochs: int = 5
    batch_size: int = 256
    momentum: float = 0.9
    weight_decay: float = 5e-4
    optimizer: OptimizerName = "sgd"
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
