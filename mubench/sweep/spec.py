"""The sweep file: parsed, validated, frozen. All bad input ends here, in one line each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from mubench.catalogue import cards
from mubench.catalogue.validation import Strict, listed, mistake, told
from mubench.catalogue.yaml_text import read_yaml
from mubench.data.forget_file import carried
from mubench.data.options import check_options
from mubench.data.scenario import Purpose, check_scenario, named
from mubench.errors import InputError, did_you_mean
from mubench.metrics.post_hoc import all_metrics
from mubench.models import presets
from mubench.models.recipe import Recipe
from mubench.sweep.claims import Claim
from mubench.sweep.claims import parse as read_claim
from mubench.sweep.diagnostics import Diagnostics
from mubench.sweep.grid import DatasetSpec, ForgetSpec, GridSpec, ModelSpec
from mubench.sweep.kinds import StepKind
from mubench.sweep.pretrained import check_origins
from mubench.sweep.published import SUFFIX, Published
from mubench.sweep.published import read as read_published
from mubench.sweep.rows import Row, rows_of

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class SearchSpec(Strict):
    """The budget that every method gets, and what it is tuned towards."""

    sampler: Literal["tpe", "random"] = "tpe"
    trials: int = Field(8, ge=1)
    startup: int = Field(4, ge=1)
    lag: int = Field(1, ge=1)
    objective: Literal["avg_gap", "retrain_free"] = "avg_gap"


class SeedAxis(Strict):
    """Train and forget seeds of one purpose; `zip` pairs them in order, `product` combines them."""

    train: tuple[Seed, ...] = Field(min_length=1)
    forget: tuple[Seed, ...] = Field(min_length=1)
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
                raise mistake(
                    f"search.{axis} and final.{axis} share {listed(shared)}; "
                    "what is tuned on may not be reported"
                )
        return self


class Resources(Strict):
    """What one step of a kind gets; a GPU share counts where there are GPUs, else `cpu`."""

    cpu: float = Field(1, gt=0)
    gpu: float = Field(0, ge=0)


class PerKind(Strict):
    """Resources by kind of step."""

    train: Resources = Resources()
    retrain: Resources | None = None
    search: Resources = Resources()
    final: Resources = Resources()

    def of(self, kind: StepKind) -> Resources:
        """Those of a kind; `retrain` follows `train` where it is not given."""
        found: Resources | None = getattr(self, kind)
        return found if found is not None else self.train


class Limits(Strict):
    """Time limits of one step, in seconds, by kind."""

    train: float = Field(86_400, gt=0)
    retrain: float = Field(86_400, gt=0)
    search: float = Field(3_600, gt=0)
    final: float = Field(7_200, gt=0)


class SweepSpec(Strict):
    """Everything that one sweep file asks for."""

    name: Slug
    description: str = ""
    grid: GridSpec
    methods: Mapping[str, Any] = Field(min_length=1)
    shared: Mapping[str, Any] = Field(default_factory=dict)
    """Values or ranges for every method that has such a hyperparameter."""
    training: Mapping[str, Any] = Field(default_factory=dict)
    """The name of a recipe, and changes to it."""
    search: SearchSpec = SearchSpec()
    seeds: SeedSpec = SeedSpec()
    floor: int = Field(2, ge=0)
    """Extra Retrains per final request, for the noise floor."""
    precision: Literal["float32", "bfloat16"] = "float32"
    resources: PerKind = PerKind()
    limits: Limits = Limits()
    diagnostics: Diagnostics = Diagnostics()
    claims: tuple[str, ...] = ()
    """What the sweep is run to find out, as sentences; see `mubench.sweep.claims`."""
    published: Published | None = None
    """Numbers of a paper; in a sweep file also the name of a file beside it that holds them."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the results table, in the order of the file."""
        return rows_of(self.methods, self.shared)

    @property
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
        """The claims, read. Raises InputError for one that cannot be."""
        rows = [row.label for row in self.rows]
        return tuple(read_claim(text, rows, self.cell_words, all_metrics()) for text in self.claims)

    def recipe(self, dataset: str, model: str) -> Recipe:
        """The recipe that original and Retrain share, with this sweep's changes."""
        return presets.recipe(dataset, model, self.training)


@dataclass(frozen=True)
class Loaded:
    """A valid sweep and the text that it came from."""

    spec: SweepSpec
    text: str
    path: Path
    node: Mapping[str, Any]
    """The file with its overrides, absolute paths, published numbers and forget sets: `parse` takes
    it."""


def find(name: str) -> Path:
    """A sweep file by path, or by name among those that ship.

    Raises:
        InputError: there is no such file.
    """
    path = Path(name)
    if "/" in name and path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"{name}: no such sweep file")
        return path
    known = shipped_sweeps()
    found = name if name in known else f"paper/{name}"
    if found not in known:
        raise InputError(f"{name}: no such sweep; {did_you_mean(name, known)}")
    return cards.search_spaces() / f"{found}.yaml"


def shipped_sweeps() -> list[str]:
    """Names of the sweeps that ship with the package: `quickstart`, `paper/cifar100_class`."""
    folder = cards.search_spaces()
    paths = [path for part in _SWEEPS for path in (folder / part).glob("*.yaml")]
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in paths
        if not path.name.endswith(SUFFIX)
    )


_SWEEPS = (".", "paper")
"""Folders of `search_spaces` that hold sweeps."""


def about(name: str) -> tuple[str, str]:
    """Name and description of a sweep, read without a look at anything that it names."""
    path = find(name)
    node = read_yaml(path.read_text(encoding="utf-8"), str(path))
    return str(node["name"]), str(node.get("description", ""))


def load(name: str, overrides: Iterable[str] = ()) -> Loaded:
    """Read and validate a sweep file; `overrides` are `key.path=value` in YAML.

    Raises:
        InputError: one line: file, key path, what is wrong, the nearest right name.
    """
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as text: {error}") from None
    node = read_yaml(text, str(path))
    if not isinstance(node, dict):
        raise InputError(f"{path}: a sweep file is a mapping with name, grid and methods")
    _anchor(node.get("grid"), path.parent)
    for assignment in overrides:
        _override(node, assignment)
    if "published" in node:
        node["published"] = read_published(node["published"], path)
    spec = parse(node, str(path))
    for entry in _entries(node["grid"]["forget"]):
        entry.update({key: carried(entry[key]) for key in _FORGET_FILES if key in entry})
    return Loaded(spec, text, path, node)


_FORGET_FILES = ("search_files", "final_files")


def _anchor(grid: Any, folder: Path) -> None:
    """Paths in a sweep file are relative to it: make them absolute, for workers elsewhere."""
    if not isinstance(grid, dict):
        return
    nodes = [entry for axis in ("dataset", "forget") for entry in _entries(grid.get(axis))]
    for entry in _entries(grid.get("model")):
        for key in ("source", "weights"):  # a name on a hub looks like a path
            if isinstance(entry.get(key), str) and (folder / entry[key]).exists():
                entry[key] = _absolute(entry[key], folder)
    for entry in nodes:
        for key in ("parquet", *_FORGET_FILES):
            if isinstance(entry.get(key), str):
                entry[key] = _absolute(entry[key], folder)
            elif isinstance(entry.get(key), list):
                entry[key] = [_absolute(p, folder) for p in entry[key]]


def _entries(axis: Any) -> list[dict[str, Any]]:
    return [node for node in (axis if isinstance(axis, list) else [axis]) if isinstance(node, dict)]


def _absolute(path: Any, folder: Path) -> Any:
    if not isinstance(path, str) or "://" in path:
        return path
    return str((folder / path).absolute())


def parse(node: Mapping[str, Any], where: str) -> SweepSpec:
    """Validate a sweep given as a mapping; `where` begins every error."""
    try:
        spec = SweepSpec.model_validate(node)
        _check(spec)
    except ValidationError as error:
        raise InputError(f"{where}: {told(error)}") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return spec


def _check(spec: SweepSpec) -> None:
    """What a single field cannot know: names, classes, recipes, modalities."""
    rows = spec.rows
    _check_axes(spec.grid)
    for data in spec.grid.dataset:
        check_options(data.card.card, data.options, f"grid.dataset.{data.name}")
    for chosen in spec.grid.model:
        model = chosen.card
        check_origins(model)
        for data in spec.grid.dataset:
            if data.card.modality != model.modality:
                raise InputError(
                    f"grid.model: '{chosen.name}' takes {model.modality}s, '{data.name}' has none"
                )
    for data, chosen, forget in spec.grid.cells:
        _check_size(data, chosen)
        spec.recipe(data.name, chosen.name)
        _check_scenarios(forget, data)
    _check_pairs(spec)
    if spec.published is not None:
        spec.published.check(list(spec.cell_words), [row.label for row in rows])
    if not rows:
        raise InputError("methods: no method is named")
    _ = spec.resolved_claims
    if spec.diagnostics.label_ldp and not any("alpha" in row.space.defaults for row in rows):
        raise InputError("diagnostics.label_ldp: none of these methods has a smoothing rate alpha")


def _check_size(data: DatasetSpec, chosen: ModelSpec) -> None:
    smallest, shape = chosen.card.smallest, data.card.card.get("input_shape", ())
    if min(shape[1:], default=smallest) < smallest:
        raise InputError(
            f"grid.model: '{chosen.name}' needs images of at least {smallest}x{smallest}, "
            f"'{data.name}' has {shape[1]}x{shape[2]}; take a model for smaller images"
        )


_PLURAL = {"class": "classes", "group": "groups", "index": "file"}


def _check_scenarios(forget: ForgetSpec, data: DatasetSpec) -> None:
    """Refuse what the data set cannot be asked, and what is both tuned on and reported."""
    card = data.card
    searched, final = (forget.scenarios(purpose, card) for purpose in ("search", "final"))
    for scenario in (*searched, *final):
        check_scenario(scenario, len(card.classes), len(card.groups))
    shared = {n for s in searched for n in named(s)} & {n for s in final for n in named(s)}
    if shared:
        raise InputError(
            f"grid.forget: search and final {_PLURAL[forget.scenario]} of '{data.name}' share "
            f"{listed(shared)}; what is tuned on may not be reported"
        )


def _check_axes(grid: GridSpec) -> None:
    """Two cells of one name would be one block of the results table."""
    names = {data.name for data in grid.dataset}
    for forget in grid.forget:
        for name in forget.dataset:
            if name not in names:
                hint = did_you_mean(name, names)
                raise InputError(f"grid.forget.dataset: '{name}' is not in grid.dataset; {hint}")
    axes: dict[str, list[tuple[str, ...]]] = {
        "dataset": [(data.label,) for data in grid.dataset],
        "model": [(model.label,) for model in grid.model],
        "forget": [(f.label, name) for f in grid.forget for name in f.dataset or names],
    }
    for axis, found in axes.items():
        for label in found:
            if found.count(label) > 1:
                raise InputError(f"grid.{axis}: '{label[0]}' stands there twice; name it once")
    for data in grid.dataset:
        if data.name not in {cell[0].name for cell in grid.cells}:
            raise InputError(f"grid.dataset: no scenario of grid.forget is for '{data.name}'")


def _check_pairs(spec: SweepSpec) -> None:
    for purpose in ("search", "final"):
        axis: SeedAxis = getattr(spec.seeds, purpose)
        for forget in spec.grid.forget:
            items = axis.forget if forget.is_drawn else getattr(forget, purpose)
            if axis.pair == "zip" and len(items) != len(axis.train):
                raise InputError(
                    f"seeds.{purpose}: zip needs as many train seeds as forget items, got "
                    f"{len(axis.train)} and {len(items)} ({forget.label}); or say 'pair: product'"
                )
    for data, _, forget in spec.grid.cells:
        _check_twice(spec.seeds.search, forget, "search", data)
        _check_twice(spec.seeds.final, forget, "final", data)


def _check_twice(axis: SeedAxis, forget: ForgetSpec, purpose: Purpose, data: DatasetSpec) -> None:
    """Refuse two requests that are one: a class may be named in two ways."""
    drawn: tuple[Any, ...] = axis.forget
    items = drawn if forget.is_drawn else tuple(forget.scenarios(purpose, data.card))
    combine = product if axis.pair == "product" else zip
    pairs = list(combine(items, axis.train))
    if len(set(pairs)) < len(pairs):
        what = "forget seed" if forget.is_drawn else _PLURAL[forget.scenario]
        raise InputError(
            f"seeds.{purpose}: the same {what} and train seed are paired twice ({forget.label})"
        )


def _override(node: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise InputError(f"--set {override}: write key.path=value")
    *parents, last = key.split(".")
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise InputError(f"--set {override}: '{parent}' is not a mapping")
    node[last] = read_yaml(value, f"--set {override}")
