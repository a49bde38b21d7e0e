"""What a sweep asks for: requests, steps, studies, and the plan that holds them.

A step's id covers all that decides its result and nothing else, so the same sweep gives the same
ids on any machine, and a step whose record is in the store never runs again. Steps are made in
`mubench.sweep.planner`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mubench.catalogue.search_space import Scalar
from mubench.data.scenario import Classes, Groups, Ids, Purpose, Scenario
from mubench.models.recipe import Recipe
from mubench.store.record import Kind
from mubench.sweep.claims import Claim
from mubench.sweep.diagnostics import Diagnostics
from mubench.sweep.grid import DatasetSpec, ForgetSpec, ModelSpec
from mubench.sweep.published import Published
from mubench.sweep.rows import Row
from mubench.sweep.spec import Resources

Device = Literal["cpu", "cuda"]
ORIGINAL = "original"
"""The row that does nothing."""


@dataclass(frozen=True)
class Request:
    """One concrete demand to forget: where, what, and with which seeds."""

    dataset: DatasetSpec
    model: ModelSpec
    forget: ForgetSpec
    purpose: Purpose
    seed_train: int
    seed_forget: int
    """-1 where nothing is drawn."""
    scenario: Scenario

    @property
    def cell(self) -> str:
        """dataset/model/scenario."""
        return f"{self.dataset.label}/{self.model.label}/{self.forget.label}"

    @property
    def name(self) -> str:
        """The cell, with the forget seed or classes and the train seed."""
        return f"{self.cell}/{self.target}/train={self.seed_train}"

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
    def identity(self) -> dict[str, Any]:
        """What decides D_f within D_tr."""
        what = asdict(self.scenario)
        if isinstance(self.scenario, Ids):
            what = {"sha256": self.scenario.sha256}
        return {
            "scenario": self.forget.scenario,
            **what,
            "seed": self.seed_forget,
            "purpose": self.purpose,
        }


@dataclass(frozen=True)
class Step:
    """One node of the plan: what runs, and what it needs to have run before."""

    id: str
    unlearn_id: str
    """Id of the stored outputs; differs from `id` where metrics are scored from them."""
    kind: Kind
    needs: tuple[str, ...]
    dataset: DatasetSpec
    model: ModelSpec
    recipe: Recipe
    purpose: Purpose
    seed_train: int
    device: Device
    resources: Resources
    limit_seconds: float
    precision: Literal["float32", "bfloat16"]
    data_id: str = ""
    """Fingerprint of the data that the plan was made for."""
    request: Request | None = None
    replica: int = 0
    train_id: str = ""
    """The original that a method starts from."""
    retrain_id: str = ""
    """The Retrain that gaps are taken to."""
    method: str = ""
    row: str = ""
    given: Mapping[str, Scalar] = field(default_factory=dict)
    selection: Literal["default", "tuned", ""] = ""
    params: Mapping[str, Scalar] = field(default_factory=dict)
    """Hyperparameters; those of search and tuned steps are chosen when the step is due."""
    study: str = ""
    candidate: int = -1
    trials: int = 0
    free_dimensions: int = 0
    objective: Literal["avg_gap", "retrain_free"] = "avg_gap"
    refusal: str = ""
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    """What the sweep asks of this step beside the metrics."""

    @property
    def threads(self) -> int:
        """Threads of the step: its CPUs, at least one."""
        return max(1, int(self.resources.cpu))

    @property
    def request_name(self) -> str:
        """The request's name; of a training on all of D_tr the data set, model and train seed."""
        if self.request is not None:
            return self.request.name
        return f"{self.dataset.label}/{self.model.label}/train={self.seed_train}"

    @property
    def names(self) -> tuple[str | int, ...]:
        """What tells it from the other steps of a sweep, whatever code it runs; seeds use them."""
        return (
            self.kind,
            self.purpose,
            self.request_name,
            self.replica,
            self.row,
            self.candidate,
        )

    @property
    def title(self) -> str:
        """A short name for people."""
        where = self.request.name if self.request else f"{self.dataset.label}/{self.model.label}"
        if self.kind == "train":
            return f"train {where}/train={self.seed_train}"
        if self.kind == "retrain":
            return f"retrain {where}" + (f" replica {self.replica}" if self.replica else "")
        if self.kind == "search":
            return f"search {self.row} #{self.candidate} {where}"
        return f"final {self.row}{f' ({self.selection})' if self.selection else ''} {where}"


@dataclass(frozen=True)
class Study:
    """One search: one row in one cell, under the common budget."""

    id: str
    cell: str
    row: Row
    trials: int
    startup: int
    sampler: Literal["tpe", "random"]
    lag: int
    steps: tuple[tuple[str, ...], ...]
    """Ids of the search steps of candidate k, one for each search request."""


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep asks for. Steps stand in an order that respects what they need."""

    name: str
    steps: Mapping[str, Step]
    studies: Mapping[str, Study]
    cells: tuple[str, ...]
    rows: tuple[str, ...]
    device: Device
    unknown_data: tuple[str, ...] = ()
    """Data sets that neither a card nor a file describes: what is cached cannot be told."""
    published: Published | None = None
    """A paper's numbers, for the report."""
    claims: tuple[Claim, ...] = ()
    """What the sweep is run to find out."""

    def expected(self) -> dict[tuple[str, str, str], int]:
        """How many final records each (cell, row, selection) should have."""
        counts: dict[tuple[str, str, str], int] = {}
        for step in self.steps.values():
            if step.kind == "final" and step.request is not None:
                key = (step.request.cell, step.row, step.selection)
                counts[key] = counts.get(key, 0) + 1
        return counts
