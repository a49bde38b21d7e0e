"""The record of a completed step. No torch here.

Accuracies, probabilities and rates are fractions in [0, 1]; percent appears only in reports.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mubench.data.scenario import Purpose
from mubench.sweep.kinds import Selection, StepKind

SCHEMA = 1
"""Version of the record's columns; a store with a newer one is refused, an older one is read."""

Status = Literal["ok", "diverged", "refused", "out_of_memory", "timed_out", "error"]

WORST = 1.0
"""Objective of a candidate that failed: the largest gap that fractions can have."""

FAILURES: tuple[Status, ...] = ("out_of_memory", "timed_out", "error")
"""Statuses caused by the machine or the code: `retry` runs the step again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One completed step: what ran, its settings, its environment and its metrics."""

    id: str
    """Score id: covers the metric code too."""
    unlearn_id: str
    """Content id of what made the stored outputs; equals `id` where nothing is scored apart."""
    kind: StepKind
    status: Status
    message: str = ""
    """Why the status is not ok, in one line."""

    dataset: str
    model: str
    scenario: str
    """`random-0.1`, `class`; empty for a training on all of D_tr."""
    cell: str
    """dataset/model/scenario: one block of the results table."""
    request: str
    """cell plus the forget seed or class and the train seed: one forget request."""
    purpose: Purpose | Literal[""] = ""
    seed_train: int
    seed_forget: int = -1
    forget_classes: tuple[int, ...] = ()
    forget_hash: str = ""
    """sha256 over the sorted example ids of D_f."""
    n_forget: int = 0
    n_retain: int = 0
    replica: int = 0
    """0 for the Retrain that gaps are taken to, 1.. for the extra ones of the noise floor."""

    method: str = ""
    row: str = ""
    """The row of the results table: the method, with its grid values where it has any."""
    selection: Selection | Literal[""] = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Effective hyperparameters, defaults included."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the sweep file or the search set."""
    study: str = ""
    repeat: int = 0
    """Number of the study among those of its row."""
    round: int = 0
    """Number of the search request in its study."""
    place: int = -1
    """Number of the search step in its round."""
    candidate: int = -1
    """Number of the candidate in its study; for a tuned final step the one that was chosen."""
    trials: int = 0
    """Budget of the study in candidates."""
    free_dimensions: int = 0

    metrics: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    """Warnings for the reader: `predictions unchanged`, `search_overlap`, ..."""

    created: str
    """ISO 8601, UTC."""
    seconds: float = 0.0
    """Wall time of the whole step; of its last attempt, where a training was cut and continued."""
    device: str = ""
    threads: int = 0
    precision: str = "float32"
    exclusive: bool = False
    """Whether the step had its device to itself, so that wall time means something."""
    commit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    numerics: Mapping[str, str] = field(default_factory=dict)
    """Settings that decide the last bits of numbers: vector instructions, cuDNN, TF32."""
    traceback: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Where `seconds` went, by `PHASES`; `import` is what came before them."""
    schema: int = SCHEMA

    @property
    def objective(self) -> float:
        """What a search minimises, in [0, 1]; `WORST` for a candidate that failed."""
        return self.metrics.get("objective", WORST) if self.status == "ok" else WORST

    @property
    def is_failure(self) -> bool:
        """Whether the machine or the code failed, rather than the method."""
        return self.status in FAILURES

    @property
    def title(self) -> str:
        """The title of its step."""
        repeat = f"search {self.repeat}" if self.repeat else ""
        place = f"round {self.round} #{self.place}" if self.round else f"#{self.place}"
        parts = {
            "train": (),
            "retrain": (),
            "search": (self.row, repeat, place),
            "final": (self.row, self.selection and f"({self.selection})"),
        }[self.kind]
        replica = f"replica {self.replica}" if self.replica else ""
        return " ".join(filter(None, (self.kind, *parts, self.request, replica)))


def is_scored(record: Record) -> bool:
    """Whether a record holds numbers about its method: finished, or diverged and evaluated."""
    return record.status in ("ok", "diverged") and bool(record.metrics)
