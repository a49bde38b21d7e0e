"""What a worker process keeps between steps, so that the next one need not load it again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import nn

from mubench.catalogue.seeds import derive_seed
from mubench.data.dataset import Dataset, load
from mubench.data.fingerprint import UNKNOWN
from mubench.data.forget_sets import divide
from mubench.data.partition import hash_ids
from mubench.data.scenario import Classes, Groups, GroupShare
from mubench.data.split import Split
from mubench.errors import DataError, IntegrityError
from mubench.methods.base import Prepared
from mubench.metrics.objective import components
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.models.training.cost_meter import flops_per_example
from mubench.run.prepared import read_or_make
from mubench.run.references import SPLIT_HASH, new_model, read_outputs, read_weights
from mubench.store.artefacts import View
from mubench.store.store import Store
from mubench.sweep.plan import Request, Step

T = TypeVar("T")

_SEARCH_PARTS = frozenset({"weights", "train", "forget", "retain", "validation"})
_FINAL_PARTS = _SEARCH_PARTS | {"test"}


class Recent:
    """The last few things made, by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of this key, made if it is not held."""
        if key not in self._held:
            self._held[key] = make()
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return cast("T", self._held[key])


class Workspace:
    """Data, originals, Retrain outputs and prepared values of recent steps of one process.

    It belongs to the worker. A method sees none of it: it gets a `ForgetTask`.
    """

    def __init__(self, store: Store, data_dir: str | None = None) -> None:
        self.store = store
        self._data_dir = Path(data_dir) if data_dir else None
        self._data = Recent(4)
        self._models = Recent(4)
        self._outputs = Recent(8)
        self._flops = Recent(8)
        self._prepared = Recent(2)

    def configure(self, step: Step) -> torch.device:
        """Set this process to the step's threads and device; undo what an earlier step set."""
        torch.set_num_threads(step.threads)
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.manual_seed(derive_seed("layers", *step.names))  # dropout draws from this generator
        if step.device == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
            share = step.resources.gpu
            # Ray does not enforce a share of a GPU's memory.
            torch.cuda.set_per_process_memory_fraction(share if 0 < share < 1 else 1.0)
        return torch.device(step.device)

    def view(self, step: Step) -> View:
        """What a step may read from the store: its own references, in the splits of its purpose."""
        parts = _FINAL_PARTS if step.purpose == "final" else _SEARCH_PARTS
        ids = frozenset(filter(None, (step.train_id, step.retrain_id, step.unlearn_id)))
        return self.store.view(ids, parts)

    def dataset(self, step: Step) -> Dataset:
        """D_tr and D_val of a step."""
        return self._load(step, ("train", "validation"))

    def held_out(self, step: Step) -> dict[str, Split]:
        """D_val, and D_te where the step is not a search."""
        splits = {"validation": _there(self.dataset(step).validation)}
        if step.purpose == "final":
            splits["test"] = _there(self._load(step, ("test",)).test)
        return splits

    def train_split(self, step: Step) -> Split:
        """D_tr."""
        return _there(self.dataset(step).train)

    def divided(self, step: Step) -> tuple[Split, Split]:
        """D_f and D_r of a step's request."""
        request = require_request(step)
        key = ("divided", request.name, request.purpose)
        train = self.train_split(step)
        return self._data.get(key, lambda: _divide(train, request))

    def original(self, step: Step) -> nn.Module:
        """The original model that a method starts from; callers must not change it."""
        view = self.view(step)

        def read() -> nn.Module:
            model = read_weights(view, step.train_id, self.model_maker(step)()).eval()
            self._require_same_split(step)
            return model

        return self._models.get((step.train_id, step.device), read)

    def _require_same_split(self, step: Step) -> None:
        """Refuse an original that was trained on other examples than D_f and D_r together."""
        trained = self.store.artefacts.about(step.train_id).get(SPLIT_HASH)
        found = hash_ids(self.train_split(step).ids.cpu().numpy())
        if trained != found:
            raise IntegrityError(
                f"original {step.train_id}: it was trained on another split than this request "
                f"divides (hash {trained}, not {found}); delete the store or give another --store"
            )

    def model_maker(self, step: Step) -> Callable[[], nn.Module]:
        """Makes the model with the initial weights of the step's train seed (and replica).

        It may be given to a method: nothing that it holds leads to this workspace or to data.
        """
        data = self.dataset(step)
        device = torch.device(step.device)
        return partial(new_model, step, data.num_classes, data.input_shape, device)

    def retrained(self, step: Step) -> Evaluated:
        """Retrain's outputs on the step's request."""
        view = self.view(step)
        return self._outputs.get(
            (step.retrain_id, step.purpose),
            lambda: evaluated(
                {p: read_outputs(view, step.retrain_id, p) for p in scored_parts(step)}
            ),
        )

    def retrained_values(self, step: Step) -> dict[str, float]:
        """UA, RA, TA and MIA of Retrain."""
        retrained = self.retrained(step)
        gone = self.forgotten(step)
        return self._outputs.get(
            ("values", step.retrain_id, step.purpose), lambda: components(retrained, *gone)
        )

    def forgotten(self, step: Step) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The classes and the groups that a step's request forgets whole; mostly there are none."""
        match require_request(step).scenario:
            case Classes(classes):
                return classes, ()
            case Groups(groups):
                return (), groups
            case GroupShare():
                forget, _ = self.divided(step)
                assert forget.groups is not None
                return (), tuple(forget.groups.unique().tolist())
            case _:
                return (), ()

    def original_outputs(self, step: Step) -> Evaluated:
        """The original's outputs on D_f, D_r and the held-out split, gathered by example id."""
        view = self.view(step)
        forget, retain = self.divided(step)
        held = scored_parts(step)[-1]

        def gather() -> Evaluated:
            train = read_outputs(view, step.train_id, "train")
            return Evaluated(
                train.of_ids(forget.ids.cpu().numpy()),
                train.of_ids(retain.ids.cpu().numpy()),
                read_outputs(view, step.train_id, held),
            )

        return self._outputs.get(("original", require_request(step).name, held), gather)

    def prepared(self, key: str, device: torch.device, make: Callable[[], Prepared]) -> Prepared:
        """What a method prepared under `key`, here or in another worker; else made now."""
        artefacts = self.store.artefacts
        return self._prepared.get(key, lambda: read_or_make(artefacts, key, device, make))

    def flops(self, step: Step) -> tuple[int, int]:
        """Forward and backward FLOPs of one example."""
        split, model = self.train_split(step), self.original(step)
        one = split.take(torch.arange(1)).inputs
        return self._flops.get(
            (step.model.label, step.dataset.label), lambda: flops_per_example(model, one)
        )

    def _load(self, step: Step, splits: tuple[str, ...]) -> Dataset:
        tokens = step.model.card.tokens
        return self._data.get(
            (step.dataset.label, step.data_id, str(tokens), splits, step.device),
            lambda: self._load_checked(step, splits, tokens),
        )

    def _load_checked(
        self, step: Step, splits: tuple[str, ...], tokens: Mapping[str, Any] | None
    ) -> Dataset:
        card, options = step.dataset.card, step.dataset.options
        data = load(card.card, options, splits, step.device, self._data_dir, tokens=tokens)
        if data.fingerprint != step.data_id != UNKNOWN:
            raise DataError(
                f"dataset {card.name}: these are not the data that the sweep was planned for "
                f"({data.fingerprint} instead of {step.data_id})"
            )
        return data


def require_request(step: Step) -> Request:
    """The request of a step that has one."""
    if step.request is None:
        raise ValueError(f"step {step.id} has no request")
    return step.request


def scored_parts(step: Step) -> tuple[str, str, str]:
    """The splits that metrics look at: the held-out one is validation while searching."""
    return ("forget", "retain", "test" if step.purpose == "final" else "validation")


def evaluated(outputs: dict[str, Outputs]) -> Evaluated:
    """Three splits' outputs in the order of `scored_parts`."""
    forget, retain, held = outputs.values()
    return Evaluated(forget, retain, held)


def _divide(train: Split, request: Request) -> tuple[Split, Split]:
    return divide(train, request.scenario, request.purpose, request.seed_forget)


def _there(split: Split | None) -> Split:
    if split is None:
        raise ValueError("the split was not loaded")
    return split
