"""What a step sees: its data, its references in the store, and its own stored outputs.

Everything is loaded when it is asked for. A search step sees no test data and no final request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from mubench.data.dataset import Dataset
from mubench.data.scenario import Groups, GroupShare
from mubench.data.sources.partition import hash_ids
from mubench.data.split import Split
from mubench.errors import IntegrityError
from mubench.methods.base import Prepared
from mubench.metrics.objective import components
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.models.training.cost_meter import flops_per_example
from mubench.run.process_cache import ProcessCache
from mubench.run.references import SPLIT_HASH, new_model, read_outputs, read_weights, training_seed
from mubench.store.artefacts import Arrays, View
from mubench.sweep.steps import FinalStep, RequestStep, RetrainStep, SearchStep, Step, TrainStep

S = TypeVar("S", bound=Step)
R = TypeVar("R", bound=RequestStep)
U = TypeVar("U", bound=SearchStep | FinalStep)

_SEARCH_PARTS = frozenset({"weights", "train", "forget", "retain", "validation"})
_FINAL_PARTS = _SEARCH_PARTS | {"test"}


@dataclass(frozen=True)
class StepInputs(Generic[S]):
    """What every step sees."""

    step: S
    cache: ProcessCache

    @cached_property
    def device(self) -> torch.device:
        """Where it runs."""
        return torch.device(self.step.execution.device)

    @cached_property
    def dataset(self) -> Dataset:
        """D_tr and D_val."""
        return self._load("train", "validation")

    @cached_property
    def train(self) -> Split:
        """D_tr."""
        return _loaded(self.dataset.train)

    @cached_property
    def holdout_splits(self) -> dict[str, Split]:
        """D_val, and D_te where the step is not a search."""
        splits = {"validation": _loaded(self.dataset.validation)}
        if self.step.training.purpose == "final":
            splits["test"] = _loaded(self._load("test").test)
        return splits

    @cached_property
    def seed(self) -> int:
        """Seed of initial weights, and of the order of batches where a reference is trained."""
        replica = self.step.replica if isinstance(self.step, RetrainStep) else None
        return training_seed(self.step.training, replica)

    @cached_property
    def new_model(self) -> Callable[[], nn.Module]:
        """Makes the model with the initial weights of its train seed (and replica).

        It may be given to a method: nothing that it holds leads to the worker's cache or to data.
        """
        card = self.step.training.model.card.card
        data = self.dataset
        shape, seed = data.input_shape, self.seed
        return partial(new_model, card, data.num_classes, shape, seed, self.device, data.widths)

    @cached_property
    def view(self) -> View:
        """The part of the store that it may read: its references, in the splits of its purpose."""
        is_final = self.step.training.purpose == "final"
        return self.cache.store.view(
            _readable(self.step), _FINAL_PARTS if is_final else _SEARCH_PARTS
        )

    def is_stored(self) -> bool:
        """Whether its outputs are in the store, whole."""
        return self.cache.store.artefacts.has_whole(self.step.unlearn_id)

    def is_stored_with(self, part: str) -> bool:
        """Whether its stored outputs have another part beside them, such as its weights."""
        return part in self.cache.store.artefacts.parts(self.step.unlearn_id)

    def save(self, parts: Mapping[str, Arrays], about: Mapping[str, Any]) -> None:
        """Put its outputs into the store."""
        self.cache.store.artefacts.save(self.step.unlearn_id, parts, about)

    def about(self) -> Any:
        """What was saved with its outputs."""
        return self.cache.store.artefacts.about(self.step.unlearn_id)

    def stored(self, part: str) -> Outputs:
        """Its stored outputs on one split."""
        return read_outputs(self.view, self.step.unlearn_id, part)

    def _load(self, *splits: str) -> Dataset:
        return self.cache.dataset(self.step.training, splits, self.step.execution.device)


@dataclass(frozen=True)
class RequestInputs(StepInputs[R]):
    """What a step on a request sees: D_tr in two parts."""

    @cached_property
    def forget(self) -> Split:
        """D_f."""
        return self._forget_retain[0]

    @cached_property
    def retain(self) -> Split:
        """D_r."""
        return self._forget_retain[1]

    @cached_property
    def forget_classes(self) -> tuple[int, ...]:
        """The classes that the request forgets whole; empty in most scenarios."""
        return self.step.request.classes

    @cached_property
    def forget_groups(self) -> tuple[int, ...]:
        """The groups that the request forgets whole; empty in most scenarios."""
        match self.step.request.scenario:
            case Groups(groups):
                return groups
            case GroupShare():
                assert self.forget.groups is not None
                return tuple(self.forget.groups.unique().tolist())
            case _:
                return ()

    @property
    def scored_parts(self) -> tuple[str, str, str]:
        """The splits that metrics look at: the held-out one is validation while searching."""
        is_final = self.step.request.purpose == "final"
        return ("forget", "retain", "test" if is_final else "validation")

    def original_of(self, train_id: str) -> nn.Module:
        """An original, kept between steps; callers must not change it."""
        key = (train_id, self.step.execution.device)
        return self.cache.originals.get(key, lambda: self._read_original(train_id))

    def weights_of(self, step_id: str) -> nn.Module:
        """A model whose weights are in the store, in `eval()` mode."""
        return read_weights(self.view, step_id, self.new_model()).eval()

    def stored_outputs(self) -> Evaluated:
        """Its own stored outputs."""
        return self._read(self.step.unlearn_id)

    @cached_property
    def _forget_retain(self) -> tuple[Split, Split]:
        step = self.step
        return self.cache.forget_retain(step.request, self.train, step.execution.device)

    def _read_original(self, train_id: str) -> nn.Module:
        """Refuse an original that was trained on other examples than D_f and D_r together."""
        model = self.weights_of(train_id)
        trained = self.cache.store.artefacts.about(train_id).get(SPLIT_HASH)
        divided = hash_ids(self.train.ids.cpu().numpy())
        if trained != divided:
            raise IntegrityError(
                f"original {train_id}: it was trained on another split than this request "
                f"divides (hash {trained}, not {divided}); delete the store or give another --store"
            )
        return model

    def _retrained(self, retrain_id: str) -> Evaluated:
        key = (retrain_id, self.step.request.purpose)
        return self.cache.retrained.get(key, lambda: self._read(retrain_id))

    def _read(self, step_id: str) -> Evaluated:
        return Evaluated(*(read_outputs(self.view, step_id, part) for part in self.scored_parts))


@dataclass(frozen=True)
class RetrainInputs(RequestInputs[RetrainStep]):
    """What a Retrain sees."""

    @cached_property
    def anchor(self) -> Evaluated | None:
        """Outputs of the Retrain that a replica is compared with."""
        retrain_id = self.step.retrain_id
        return None if retrain_id is None else self._retrained(retrain_id)


@dataclass(frozen=True)
class UnlearnInputs(RequestInputs[U]):
    """What a step sees that unlearns: also the original and Retrain."""

    @property
    def original(self) -> nn.Module:
        """The original model that a method starts from; callers must not change it."""
        return self.original_of(self.step.train_id)

    @cached_property
    def original_outputs(self) -> Evaluated:
        """The original's outputs on D_f, D_r and the held-out split, gathered by example id."""
        request = self.step.request
        key = (self.step.train_id, request.name, request.purpose)
        return self.cache.original_outputs.get(key, self._gather_original_outputs)

    @cached_property
    def retrained(self) -> Evaluated:
        """Retrain's outputs on the request."""
        return self._retrained(self.step.retrain_id)

    @cached_property
    def retrained_values(self) -> dict[str, float]:
        """UA, RA, TA and MIA of Retrain."""
        return self.cache.retrained_values.get(
            (self.step.retrain_id, self.step.request.purpose),
            lambda: components(self.retrained, self.forget_classes, self.forget_groups),
        )

    @cached_property
    def flops(self) -> tuple[int, int]:
        """Forward and backward FLOPs of one example."""
        one = self.train.take(torch.arange(1)).inputs
        return self.cache.flops.get(
            self.step.training.label, lambda: flops_per_example(self.original, one)
        )

    def prepared(self, key: str, make: Callable[[], Prepared]) -> Prepared:
        """What a method prepared under `key`, here or in another worker; else made now."""
        return self.cache.prepared(key, self.device, make)

    def _gather_original_outputs(self) -> Evaluated:
        train_id, holdout = self.step.train_id, self.scored_parts[-1]
        train = read_outputs(self.view, train_id, "train")
        return Evaluated(
            train.of_ids(self.forget.ids.cpu().numpy()),
            train.of_ids(self.retain.ids.cpu().numpy()),
            read_outputs(self.view, train_id, holdout),
        )


def _readable(step: Step) -> frozenset[str]:
    """Ids whose outputs a step may read: its own and those of its references."""
    match step:
        case TrainStep():
            return frozenset({step.unlearn_id})
        case RetrainStep():
            others = (step.retrain_id, step.train_id)
            return frozenset({step.unlearn_id, *(key for key in others if key is not None)})
        case SearchStep() | FinalStep():
            return frozenset({step.unlearn_id, step.train_id, step.retrain_id})


def _loaded(split: Split | None) -> Split:
    if split is None:
        raise ValueError("the split was not loaded")
    return split
