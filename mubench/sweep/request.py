"""A training of an original, and a request to forget a part of its training set."""

from dataclasses import asdict, dataclass
from typing import Any

from mubench.data.scenario import Classes, Groups, Ids, Purpose, Scenario
from mubench.models.recipe import Recipe
from mubench.sweep.grid import DatasetSpec, ForgetSpec, ModelSpec


@dataclass(frozen=True)
class Training:
    """How an original is trained: on which data, as which model, by which recipe and seed."""

    dataset: DatasetSpec
    data_id: str
    """Fingerprint of the data that the plan was made for."""
    model: ModelSpec
    recipe: Recipe
    purpose: Purpose
    seed: int

    @property
    def label(self) -> str:
        """dataset/model."""
        return f"{self.dataset.label}/{self.model.label}"

    @property
    def name(self) -> str:
        """The data set, the model and the train seed."""
        return f"{self.label}/train={self.seed}"


@dataclass(frozen=True)
class Request:
    """One forget set of an original: its scenario and its forget seed."""

    training: Training
    """Of the original that has to forget."""
    forget: ForgetSpec
    scenario: Scenario
    seed_forget: int | None
    """Seed that draws the forget set; None where the sweep names it."""

    @property
    def purpose(self) -> Purpose:
        """`search` or `final`."""
        return self.training.purpose

    @property
    def cell(self) -> str:
        """dataset/model/scenario."""
        return f"{self.training.label}/{self.forget.label}"

    @property
    def name(self) -> str:
        """The cell, with the forget seed or classes and the train seed."""
        return f"{self.cell}/{self.target}/train={self.training.seed}"

    @property
    def target(self) -> str:
        """What is forgotten: the classes, groups or file, or the seed that draws."""
        match self.scenario:
            case Classes(numbers):
                return f"class={'+'.join(map(str, numbers))}"
            case Groups(numbers):
                return f"group={'+'.join(map(str, numbers))}"
            case Ids(_, sha256, name, _):
                return f"file={name}-{sha256[:8]}"
            case _:
                return f"forget={self.seed_forget}"

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes that are forgotten whole; none in other scenarios."""
        return self.scenario.classes if isinstance(self.scenario, Classes) else ()

    @property
    def flat_seed(self) -> int:
        """The forget seed as ids and records hold it: -1 where nothing is drawn."""
        return -1 if self.seed_forget is None else self.seed_forget

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides D_f within D_tr, and its parts, for content ids."""
        what = asdict(self.scenario)
        if isinstance(self.scenario, Ids):
            what = {"sha256": self.scenario.sha256}
        if self.forget.parts > 1:
            what["parts"] = self.forget.parts
        return {
            "scenario": self.forget.scenario,
            **what,
            "seed": self.flat_seed,
            "purpose": self.purpose,
        }
