"""What a sweep file says: its keys with their types, defaults and limits."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mubench.catalogue.validation import Strict, in_order, input_error
from mubench.metrics.gap import Objective
from mubench.metrics.post_hoc import all_metrics
from mubench.models.recipe import Recipe, resolve_recipe
from mubench.sweep.claims import Claim, parse_claim
from mubench.sweep.diagnostics import Diagnostics
from mubench.sweep.duration import MOST_DAYS, Duration
from mubench.sweep.evidence import Evidence
from mubench.sweep.grid import GridSpec
from mubench.sweep.kinds import CONTROLS, Control, Keep, StepKind
from mubench.sweep.published import Published
from mubench.sweep.rows import Row, rows_of

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Sentence = Annotated[str, Field(max_length=1000)]

# The most that is no slip of the pen; how many steps there are in all, `sweep.size` bounds.
MOST_TRIALS = 100_000
MOST_SEEDS = 10_000
_MOST_SECONDS = MOST_DAYS * 86_400


class SearchSpec(Strict):
    """The search budget of every method, and the objective."""

    sampler: Literal["tpe", "random"] = "tpe"
    trials: int = Field(8, ge=1, le=MOST_TRIALS)
    """Candidates of a search; all of them run on its first request."""
    keep: float = Field(0.3, gt=0, le=1)
    """Share of the candidates that go on to the next request: the defaults and the best others."""
    repeats: int = Field(1, ge=1, le=1000)
    """Independent searches for each row; final requests use them in turn."""
    startup: int = Field(4, ge=1, le=MOST_TRIALS)
    parallel: int = Field(1, ge=1, le=MOST_TRIALS)
    """Workers that the searches together should keep busy; it decides the lag."""
    lag: int | None = Field(None, ge=1, le=MOST_TRIALS)
    """Candidates of one search that run at a time; without it as many as `parallel` asks for."""
    objective: Objective = "robust_gap"

    def places(self, requests: int) -> tuple[int, ...]:
        """How many candidates run on each of a search's requests.

        >>> SearchSpec(trials=8).places(3)
        (8, 3, 2)
        """
        counts = [self.trials]
        while len(counts) < requests:
            counts.append(min(counts[-1], max(2, ceil(self.keep * counts[-1]))))
        return tuple(counts)


class SeedAxis(Strict):
    """Train and forget seeds of one purpose; `zip` pairs them in order, `product` combines them."""

    train: tuple[Seed, ...] = Field(min_length=1, max_length=MOST_SEEDS)
    forget: tuple[Seed, ...] = Field(min_length=1, max_length=MOST_SEEDS)
    pair: Literal["zip", "product"] = "zip"


class SeedSpec(Strict):
    """The seed axes of searched and of reported requests; they may not share a seed."""

    search: SeedAxis = SeedAxis(train=(100,), forget=(100,))
    final: SeedAxis = SeedAxis(train=(0, 1, 2), forget=(0, 1, 2))

    @model_validator(mode="after")
    def _are_disjoint(self) -> Self:
        for axis in ("train", "forget"):
            shared = set(getattr(self.search, axis)) & set(getattr(self.final, axis))
            if shared:
                raise input_error(
                    f"search.{axis} and final.{axis} share {in_order(shared)}; "
                    "what is tuned on may not be reported"
                )
        return self


class Resources(Strict):
    """Resources of one step; a GPU share counts on a machine with GPUs, else `cpu`."""

    cpu: float = Field(1, gt=0, le=1024)
    gpu: float = Field(0, ge=0, le=64)


class PerKind(Strict):
    """Resources by kind of step."""

    train: Resources = Resources()
    retrain: Resources | None = None
    search: Resources = Resources()
    final: Resources = Resources()

    def of(self, kind: StepKind) -> Resources:
        """Those of a kind; `retrain` follows `train` where it is not given."""
        resources: Resources | None = getattr(self, kind)
        return resources if resources is not None else self.train


class Limits(Strict):
    """Time limits of one step, in seconds, by kind."""

    train: float = Field(86_400, gt=0, le=_MOST_SECONDS)
    retrain: float = Field(86_400, gt=0, le=_MOST_SECONDS)
    search: float = Field(3_600, gt=0, le=_MOST_SECONDS)
    final: float = Field(7_200, gt=0, le=_MOST_SECONDS)


class StoreSpec(Strict):
    """What a completed sweep leaves in its store; no id depends on it."""

    keep: Keep = "outputs"


class SweepSpec(Strict):
    """Everything that one sweep file asks for."""

    name: Slug
    description: str = Field("", max_length=10_000)
    grid: GridSpec
    methods: Mapping[str, Any] = Field(min_length=1)
    shared: Mapping[str, Any] = Field(default_factory=dict)
    """Values or ranges for every method that has such a hyperparameter."""
    training: Mapping[str, Any] = Field(default_factory=dict)
    """The name of a recipe, and changes to it."""
    search: SearchSpec = SearchSpec()
    seeds: SeedSpec = SeedSpec()
    floor: int = Field(2, ge=0, le=100)
    """Extra Retrains per final request, for the noise floor."""
    precision: Literal["float32", "bfloat16"] = "float32"
    portable: bool = False
    """Keep to AVX2 on every CPU, so that two machines give the same bits."""
    tf32: bool = False
    """Let GPUs multiply float32 matrices in TF32 too, as torch lets them convolve."""
    resources: PerKind = PerKind()
    limits: Limits = Limits()
    checkpoint: Duration = timedelta(minutes=5)
    """Between two checkpoints of a training; none where it is zero."""
    store: StoreSpec = StoreSpec()
    controls: tuple[Control, ...] = CONTROLS
    """Control rows of every cell that can have them, beside its methods; in no ranking or test."""
    diagnostics: Diagnostics = Diagnostics()
    evidence: Evidence = Evidence()
    """Blocks of evidence beside the metrics; see `mubench.sweep.evidence`."""
    claims: tuple[Sentence, ...] = Field((), max_length=1000)
    """The hypotheses of the sweep, as sentences; see `mubench.sweep.claims`."""
    published: Published | None = None
    """Numbers of a paper; in a sweep file also the name of a file beside it that holds them."""

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the results table, in the order of the file."""
        return rows_of(self.methods, self.shared)

    @cached_property
    def control_rows(self) -> tuple[Row, ...]:
        """The rows of the controls."""
        return rows_of({name: {} for name in self.controls}, {})

    @cached_property
    def cell_words(self) -> dict[str, tuple[str, ...]]:
        """The names of the cells, each with the other words that a claim may use for it."""
        return {
            f"{data.label}/{model.label}/{forget.label}": (
                data.label,
                model.label,
                forget.label,
                forget.scenario,
            )
            for data, model, forget in self.grid.cells
        }

    @property
    def resolved_claims(self) -> tuple[Claim, ...]:
        """The parsed claims. Raises InputError for one that cannot be read."""
        rows, metrics = [row.label for row in self.rows], all_metrics()
        return tuple(parse_claim(text, rows, self.cell_words, metrics) for text in self.claims)

    def recipe(self, dataset: str, model: str) -> Recipe:
        """The recipe that original and Retrain share, with this sweep's changes."""
        declared = (each.declared for each in self.grid.model if each.name == model)
        card = next(declared, None)
        own = None if card is None else card.recipe
        return resolve_recipe(dataset, model, self.training, own)
