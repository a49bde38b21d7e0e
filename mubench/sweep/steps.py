"""The four kinds of steps: what runs, on which data, and after which steps.

A step's id covers all that decides its result and nothing else (`mubench.sweep.step_ids`), so the
same sweep gives the same ids on any machine, and a step whose record is in the store never runs
again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mubench.catalogue.ranges import Scalar
from mubench.metrics.gap import Objective
from mubench.sweep.diagnostics import Diagnostics
from mubench.sweep.evidence import Evidence
from mubench.sweep.kinds import ORIGINAL, Device, Precision, Selection, StepKind
from mubench.sweep.request import Request, Training
from mubench.sweep.rows import Row
from mubench.sweep.spec import Resources

_Names = tuple[str | int, ...]
"""Kind, purpose, request, replica, row and candidate; 0, an empty word and -1 mean none."""


@dataclass(frozen=True)
class Execution:
    """How a step runs: device, resources, time limit, precision, checkpoints, instructions."""

    device: Device
    resources: Resources
    limit_seconds: float
    precision: Precision
    checkpoint_seconds: float
    """Between two checkpoints of a training; 0 for none."""
    is_portable: bool = False
    """Whether it keeps to AVX2."""
    has_tf32: bool = False
    """Whether a GPU multiplies float32 matrices in TF32; on a CPU it changes nothing."""
    keeps_weights: bool = False
    """Whether weights of an unlearned model are stored beside its outputs."""

    @property
    def threads(self) -> int:
        """Threads of the step: its CPUs, at least one."""
        return max(1, int(self.resources.cpu))


@dataclass(frozen=True)
class Study:
    """One search: a race of one row's candidates in one cell, under the common budget.

    All candidates run on the first search request. The defaults and the best others run on the
    second, of these again some on the third, and so on.
    """

    id: str
    cell: str
    row: Row
    repeat: int
    """Number of the search among those of its row."""
    startup: int
    sampler: Literal["tpe", "random"]
    lag: int
    rounds: tuple[tuple[str, ...], ...]
    """Ids of the search steps on each request, by place; in the first round place k is candidate k.
    """

    @property
    def trials(self) -> int:
        """Its budget in candidates."""
        return len(self.rounds[0])


@dataclass(frozen=True)
class Candidate:
    """Hyperparameters of a search or final step, and their number in the study if they have one."""

    params: Mapping[str, Scalar]
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Step:
    id: str
    needs: tuple[str, ...]
    execution: Execution


@dataclass(frozen=True, kw_only=True)
class TrainStep(_Step):
    """Train an original on all of D_tr."""

    kind: ClassVar[StepKind] = "train"
    training: Training

    @property
    def unlearn_id(self) -> str:
        """Id of the stored outputs: nothing is scored apart."""
        return self.id

    @property
    def names(self) -> _Names:
        """Names that are unique in a sweep and independent of code; seeds use them."""
        return (self.kind, self.training.purpose, self.training.name, 0, "", -1)

    @property
    def title(self) -> str:
        """A short name for people."""
        return f"train {self.training.name}"


@dataclass(frozen=True, kw_only=True)
class _RequestStep(_Step):
    request: Request

    @property
    def training(self) -> Training:
        """That of the original which has to forget."""
        return self.request.training


@dataclass(frozen=True, kw_only=True)
class RetrainStep(_RequestStep):
    """Train on D_r alone; replicas measure how far two such trainings lie apart."""

    kind: ClassVar[StepKind] = "retrain"
    unlearn_id: str
    """Id of the stored outputs; `id` covers how they are scored too."""
    replica: int = 0
    """0 for the Retrain that gaps are taken to, 1.. for the extra ones of the noise floor."""
    retrain_id: str | None = None
    """Outputs of the Retrain that a replica is compared with."""
    train_id: str | None = None
    """The original, where evidence compares weights with it."""
    evidence: Evidence = field(default_factory=Evidence)
    """Blocks of evidence on its weights."""

    @property
    def names(self) -> _Names:
        """Names that are unique in a sweep and independent of code; seeds use them."""
        return (self.kind, self.request.purpose, self.request.name, self.replica, "", -1)

    @property
    def title(self) -> str:
        """A short name for people."""
        return f"retrain {self.request.name}" + (f" replica {self.replica}" if self.replica else "")


@dataclass(frozen=True, kw_only=True)
class SearchStep(_RequestStep):
    """Try one candidate of a study on one search request.

    Which one is known when it runs, unless this is the first round.
    """

    kind: ClassVar[StepKind] = "search"
    train_id: str
    """Outputs and weights of the original that the method starts from."""
    retrain_id: str
    """Outputs of the Retrain that gaps are taken to."""
    row: Row
    study_id: str
    repeat: int
    """Number of the search among those of its row."""
    round: int
    """Number of the request among those of the search."""
    place: int
    """Number of the step in the round; in the first that of its candidate."""
    trials: int
    """Budget of the study in candidates."""
    objective: Objective

    @property
    def unlearn_id(self) -> str:
        """Its own id: a search step stores no outputs."""
        return self.id

    @property
    def label(self) -> str:
        """The row of the results table."""
        return self.row.label

    @property
    def method(self) -> str:
        """The method of the row."""
        return self.row.method

    @property
    def names(self) -> _Names:
        """Names that are unique in a sweep and independent of code; seeds use them."""
        request = self.request
        return (
            *(self.kind, request.purpose, request.name, self.repeat, self.label),
            *(self.round, self.place),
        )

    @property
    def title(self) -> str:
        """A short name for people."""
        search = f" search {self.repeat}" if self.repeat else ""
        place = f"round {self.round} #{self.place}" if self.round else f"#{self.place}"
        return f"search {self.label}{search} {place} {self.request.name}"


@dataclass(frozen=True, kw_only=True)
class FinalStep(_RequestStep):
    """Unlearn a final request and score the result against Retrain."""

    kind: ClassVar[StepKind] = "final"
    unlearn_id: str
    """Id of the stored outputs; `id` covers how they are scored too."""
    train_id: str
    """Outputs and weights of the original that the method starts from."""
    retrain_id: str
    """Outputs of the Retrain that gaps are taken to."""
    row: Row | None = None
    """None for the original, which does nothing."""
    study: Study | None = None
    """The search that chooses the hyperparameters; None: the defaults."""
    refusal: str | None = None
    """Why the method refuses the request; nothing runs then."""
    is_control: bool = False
    """Whether it is a control, which forgets nothing."""
    matches: tuple[str, ...] = ()
    """The final steps whose change of the weights a control makes, in the median."""
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    """Diagnostics of this step beside the metrics."""
    evidence: Evidence = field(default_factory=Evidence)
    """Blocks of evidence on the weights of its model."""

    @property
    def label(self) -> str:
        """The row of the results table."""
        return ORIGINAL if self.row is None else self.row.label

    @property
    def method(self) -> str:
        """The method of the row; that of the original has its name."""
        return ORIGINAL if self.row is None else self.row.method

    @property
    def selection(self) -> Selection | None:
        """How it gets its hyperparameters; the original has none."""
        if self.row is None:
            return None
        if self.is_control:
            return "control"
        return "default" if self.study is None else "tuned"

    @property
    def defaults(self) -> Mapping[str, Scalar]:
        """The hyperparameters that are known beforehand: those of a default step."""
        return {} if self.row is None or self.study is not None else self.row.space.defaults

    @property
    def names(self) -> _Names:
        """Names that are unique in a sweep and independent of code; seeds use them."""
        return (self.kind, self.request.purpose, self.request.name, 0, self.label, -1)

    @property
    def title(self) -> str:
        """A short name for people."""
        selection = f" ({self.selection})" if self.selection else ""
        return f"final {self.label}{selection} {self.request.name}"


Step = TrainStep | RetrainStep | SearchStep | FinalStep
RequestStep = RetrainStep | SearchStep | FinalStep


def refusal_of(step: Step) -> str | None:
    """Why a step is refused, or None; a plan refuses only final steps."""
    return step.refusal if isinstance(step, FinalStep) else None
