"""The grid of `benchmarks/workflow.py`: the trials that mubench made, with their data."""

from dataclasses import dataclass
from functools import cached_property

import torch
from plain.methods import Pair
from plain.training import Recipe

from mubench.data.dataset import Dataset, load_dataset
from mubench.data.forget_sets import forget_rows
from mubench.run.open_sweep import OpenSweep
from mubench.store.record import Record
from mubench.sweep.request import Request
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, TrainStep


@dataclass(frozen=True)
class Used:
    """What something used, in seconds; `error` is that of estimated CPU seconds."""

    cpu: float
    wall: float
    error: float = 0.0


@dataclass(frozen=True)
class Grid:
    """The trials that mubench made."""

    opened: OpenSweep

    @cached_property
    def records(self) -> dict[str, Record]:
        return self.opened.store.records.read()

    @cached_property
    def data(self) -> Dataset:
        training = self.trainings[0].training
        card, options = training.dataset.card.card, training.dataset.options
        return load_dataset(card, options, ("train", "validation", "test"), "cpu")

    @cached_property
    def trainings(self) -> list[TrainStep]:
        return [s for s in self.opened.plan.steps.values() if isinstance(s, TrainStep)]

    @cached_property
    def retrains(self) -> list[RetrainStep]:
        return [s for s in self.opened.plan.steps.values() if isinstance(s, RetrainStep)]

    @cached_property
    def trials(self) -> list[SearchStep | FinalStep]:
        """Those that ended well: a method that diverges stops early, a bare loop does not."""
        return [
            step
            for step in self.opened.plan.steps.values()
            if isinstance(step, SearchStep | FinalStep)
            and step.row is not None
            and self.records[step.id].status == "ok"
        ]

    @cached_property
    def recipe(self) -> Recipe:
        of = self.trainings[0].training.recipe
        assert (of.optimizer, of.schedule, of.augment) == ("sgd", "cosine", False)
        rates = (of.learning_rate, of.momentum, of.weight_decay, of.warmup_fraction)
        return Recipe(of.epochs, of.batch_size, *rates)

    def whole(self, name: str) -> Pair:
        """A split as tensors."""
        split = getattr(self.data, name)
        batch = split.take(torch.arange(len(split)))
        return batch.inputs, batch.labels

    def forgotten(self, request: Request) -> torch.Tensor:
        """Positions of D_f in D_tr."""
        assert self.data.train is not None
        return forget_rows(self.data.train, request.scenario, request.purpose, request.flat_seed)

    def sets(self, request: Request) -> dict[str, Pair]:
        """The sets on which a request's models are evaluated."""
        (x, y), rows = self.whole("train"), self.forgotten(request)
        rest = torch.ones(len(y), dtype=torch.bool)
        rest[rows] = False
        held_out = ["validation", "test"] if request.purpose == "final" else ["validation"]
        parts = {"forget": (x[rows], y[rows]), "retain": (x[rest], y[rest])}
        return parts | {name: self.whole(name) for name in held_out}
