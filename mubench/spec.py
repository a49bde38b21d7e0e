"""The sweep file: parsed, validated, frozen. All bad input ends here, in one line each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from mubench import catalogue
from mubench.errors import InputError, did_you_mean
from mubench.recipe import Recipe
from mubench.rows import Row, rows_of

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
Seed = Annotated[int, Field(ge=0)]
StepKind = Literal["train", "retrain", "search", "final"]


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and says the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _know_all_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for key in value:
                if key not in cls.model_fields:
                    hint = did_you_mean(str(key), cls.model_fields)
                    raise PydanticCustomError(
                        "key", "{key}: unknown key; {hint}", {"key": key, "hint": hint}
                    )
        return value


class DatasetSpec(Strict):
    """A data set and its options."""

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name, with the options that differ from the card's."""
        given = [f"{key}={value}" for key, value in sorted(self.options.items())]
        return f"{self.name}[{','.join(given)}]" if given else self.name


class ForgetSpec(Strict):
    """A forget scenario: `random` with a ratio, or `class` with classes to search and report on."""

    scenario: Literal["random", "class"]
    ratio: float | None = Field(None, gt=0, lt=1)
    search_classes: tuple[tuple[int, ...], ...] = ()
    final_classes: tuple[tuple[int, ...], ...] = ()

    @property
    def label(self) -> str:
        """`random-0.1` or `class`."""
        return f"random-{self.ratio:g}" if self.scenario == "random" else "class"


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
                raise PydanticCustomError(
                    "overlap",
                    "search.{axis} and final.{axis} share {shared}; "
                    "what is tuned on may not be reported",
                    {"axis": axis, "shared": _listed(shared)},
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


class GridSpec(Strict):
    """The axes whose product is the cells of the sweep."""

    dataset: tuple[DatasetSpec, ...] = Field(min_length=1)
    model: tuple[str, ...] = Field(min_length=1)
    forget: tuple[ForgetSpec, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        expanded = dict(value)
        if "dataset" in value:
            expanded["dataset"] = [_dataset(node) for node in _as_list(value["dataset"])]
        if "model" in value:
            expanded["model"] = _as_list(value["model"])
        if "forget" in value:
            expanded["forget"] = [f for node in _as_list(value["forget"]) for f in _forgets(node)]
        return expanded


class SweepSpec(Strict):
    """Everything that one sweep file asks for."""

    name: Slug
    description: str = ""
    grid: GridSpec
    methods: Mapping[str, Any] = Field(min_length=1)
    shared: Mapping[str, Any] = Field(default_factory=dict)
    """Values or ranges for every method that has such a hyperparameter."""
    training: Mapping[str, Any] = Field(default_factory=dict)
    """Changes to the model card's recipe."""
    search: SearchSpec = SearchSpec()
    seeds: SeedSpec = SeedSpec()
    floor: int = Field(2, ge=0)
    """Extra Retrains per final request, for the noise floor."""
    precision: Literal["float32", "bfloat16"] = "float32"
    resources: PerKind = PerKind()
    limits: Limits = Limits()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the results table, in the order of the file."""
        return rows_of(self.methods, self.shared)

    def recipe(self, model: str) -> Recipe:
        """The model card's recipe with this sweep's changes."""
        return Recipe(**{**catalogue.model(model).recipe, **self.training})


@dataclass(frozen=True)
class Loaded:
    """A valid sweep and the text that it came from."""

    spec: SweepSpec
    text: str
    path: Path


def find(name: str) -> Path:
    """A sweep file by path, or by name among those that ship.

    Raises:
        InputError: there is no such file.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or "/" in name:
        if not path.is_file():
            raise InputError(f"{name}: no such sweep file")
        return path
    folder = catalogue.search_spaces()
    shipped = folder / f"{name}.yaml"
    if not shipped.is_file():
        raise InputError(f"{name}: no such sweep; {did_you_mean(name, shipped_sweeps())}")
    return shipped


def shipped_sweeps() -> list[str]:
    """Names of the sweeps that ship with the package."""
    return sorted(p.stem for p in catalogue.search_spaces().glob("*.yaml"))


def load(name: str, overrides: Iterable[str] = ()) -> Loaded:
    """Read and validate a sweep file; `overrides` are `key.path=value` in YAML.

    Raises:
        InputError: one line: file, key path, what is wrong, the nearest right name.
    """
    path = find(name)
    text = path.read_text(encoding="utf-8")
    try:
        node = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(node, dict):
        raise InputError(f"{path}: a sweep file is a mapping with name, grid and methods")
    for override in overrides:
        _override(node, override)
    return Loaded(parse(node, str(path)), text, path)


def parse(node: Mapping[str, Any], where: str) -> SweepSpec:
    """Validate a sweep given as a mapping; `where` begins every error."""
    try:
        spec = SweepSpec.model_validate(node)
        _check(spec)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{where}: {_key_path(first['loc'], first['msg'])}") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return spec


def _check(spec: SweepSpec) -> None:
    """What a single field cannot know: names, classes, recipes, modalities."""
    rows = spec.rows
    for data in spec.grid.dataset:
        card = catalogue.dataset(data.name)
        for option in data.options:
            if option not in card.options:
                hint = did_you_mean(option, card.options)
                raise InputError(f"grid.dataset.{data.name}.{option}: unknown option; {hint}")
        for forget in spec.grid.forget:
            _check_classes(forget, card)
    for name in spec.grid.model:
        model = catalogue.model(name)
        for data in spec.grid.dataset:
            if catalogue.dataset(data.name).modality != model.modality:
                raise InputError(
                    f"grid.model: '{name}' takes {model.modality}s, '{data.name}' has none"
                )
        _check_recipe(spec, name)
    _check_pairs(spec)
    if not rows:
        raise InputError("methods: no method is named")


def _check_classes(forget: ForgetSpec, card: catalogue.DataCard) -> None:
    for axis in ("search_classes", "final_classes"):
        for group in getattr(forget, axis):
            for c in group:
                if not 0 <= c < len(card.classes):
                    raise InputError(
                        f"grid.forget.{axis}: class {c} does not exist; "
                        f"'{card.name}' has classes 0 to {len(card.classes) - 1}"
                    )
            if len(group) >= len(card.classes):
                raise InputError(f"grid.forget.{axis}: {list(group)} leaves no class to retain")


def _check_recipe(spec: SweepSpec, model: str) -> None:
    for key in spec.training:
        if key not in Recipe.model_fields:
            raise InputError(
                f"training.{key}: unknown key; {did_you_mean(key, Recipe.model_fields)}"
            )
    try:
        spec.recipe(model)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"training.{_key_path(first['loc'], first['msg'])}") from None


def _check_pairs(spec: SweepSpec) -> None:
    for purpose in ("search", "final"):
        axis: SeedAxis = getattr(spec.seeds, purpose)
        for forget in spec.grid.forget:
            items = len(axis.forget)
            if forget.scenario == "class":
                items = len(getattr(forget, f"{purpose}_classes"))
            if axis.pair == "zip" and items != len(axis.train):
                raise InputError(
                    f"seeds.{purpose}: zip needs as many train seeds as forget items, got "
                    f"{len(axis.train)} and {items} ({forget.label}); or say 'pair: product'"
                )


def _dataset(node: Any) -> Any:
    """`digits` and `{name: digits, flip_labels: 0.2}` are both data sets."""
    if isinstance(node, str):
        return {"name": node}
    if isinstance(node, Mapping) and "options" not in node:
        return {"name": node.get("name"), "options": {k: v for k, v in node.items() if k != "name"}}
    return node


def _forgets(node: Any) -> Iterator[Any]:
    """One scenario for each ratio of a list; a lone class stands for a group of one."""
    if not isinstance(node, Mapping):
        raise PydanticCustomError("forget", "forget: a mapping with 'scenario' is needed")
    node = dict(node)
    allowed = {"random": {"ratio"}, "class": {"search_classes", "final_classes"}}
    needed = allowed.get(node.get("scenario", ""))
    if needed is None:
        hint = did_you_mean(str(node.get("scenario")), allowed)
        raise PydanticCustomError(
            "forget", "forget.scenario: unknown scenario; {hint}", {"hint": hint}
        )
    for key in node.keys() - needed - {"scenario"}:
        hint = did_you_mean(key, needed)
        raise PydanticCustomError(
            "forget", "forget.{key}: unknown key; {hint}", {"key": key, "hint": hint}
        )
    for key in needed - node.keys():
        raise PydanticCustomError("forget", "forget.{key}: missing", {"key": key})
    if node["scenario"] == "random":
        for ratio in _as_list(node["ratio"]):
            yield node | {"ratio": ratio}
        return
    groups = {key: tuple(_group(v) for v in _as_list(node[key])) for key in needed}
    shared = set(sum(groups["search_classes"], ())) & set(sum(groups["final_classes"], ()))
    if shared:
        raise PydanticCustomError(
            "overlap",
            "forget.final_classes and search_classes share {shared}; what is tuned on may not be "
            "reported",
            {"shared": _listed(shared)},
        )
    yield node | groups


def _group(value: Any) -> tuple[int, ...]:
    values = tuple(_as_list(value))
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise PydanticCustomError(
            "class", "forget: a class is a whole number, got {v}", {"v": str(value)}
        )
    return values


def _override(node: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise InputError(f"--set {override}: write key.path=value")
    *parents, last = key.split(".")
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise InputError(f"--set {override}: '{parent}' is not a mapping")
    node[last] = yaml.safe_load(value)


def _key_path(loc: tuple[int | str, ...], message: str) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    text = (
        message[0].lower() + message[1:]
        if message.startswith(("Input", "Field", "String"))
        else message
    )
    return (
        f"{path}: {text}"
        if path and not _names_key(message)
        else ".".join(filter(None, (path, text)))
    )


def _names_key(message: str) -> bool:
    """Whether a message of ours goes on with the key path instead of standing behind it."""
    head = message.split(" ")[0]
    return head.endswith(":") or head.startswith(("search.", "forget."))


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(values)))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
