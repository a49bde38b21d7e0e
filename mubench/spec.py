"""The sweep file: parsed, validated, frozen. All bad input ends here, in one line each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import override

from mubench import catalogue
from mubench.errors import InputError, did_you_mean
from mubench.recipe import Recipe
from mubench.rows import Row, rows_of

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
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
                    raise _mistake(
                        f"{key}: unknown key; {did_you_mean(str(key), cls.model_fields)}"
                    )
                if isinstance(value[key], bool):  # pydantic would read it as 0 or 1
                    raise _mistake(f"{key}: {str(value[key]).lower()} means nothing here")
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
                raise _mistake(
                    f"search.{axis} and final.{axis} share {_listed(shared)}; "
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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as text: {error}") from None
    node = _read_yaml(text, str(path))
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
        raise InputError(f"{where}: {_told(error)}") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return spec


def _check(spec: SweepSpec) -> None:
    """What a single field cannot know: names, classes, recipes, modalities."""
    rows = spec.rows
    _check_axes(spec.grid)
    for data in spec.grid.dataset:
        card = catalogue.dataset(data.name)
        for option in data.options:
            if option not in card.options:
                hint = did_you_mean(str(option), card.options)
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
            if len(set(group)) < len(group):
                raise InputError(f"grid.forget.{axis}: {list(group)} names a class twice")
            if len(group) == len(card.classes):
                raise InputError(f"grid.forget.{axis}: {list(group)} leaves no class to retain")


def _check_axes(grid: GridSpec) -> None:
    """Two cells of one name would be one block of the results table."""
    labels = {
        "dataset": [data.label for data in grid.dataset],
        "model": list(grid.model),
        "forget": [forget.label for forget in grid.forget],
    }
    for axis, names in labels.items():
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"grid.{axis}: '{name}' stands there twice; name it once")


def _check_recipe(spec: SweepSpec, model: str) -> None:
    for key in spec.training:
        if key not in Recipe.model_fields:
            raise InputError(
                f"training.{key}: unknown key; {did_you_mean(key, Recipe.model_fields)}"
            )
    try:
        spec.recipe(model)
    except ValidationError as error:
        raise InputError(f"training.{_told(error)}") from None


def _check_pairs(spec: SweepSpec) -> None:
    for purpose in ("search", "final"):
        axis: SeedAxis = getattr(spec.seeds, purpose)
        for forget in spec.grid.forget:
            is_class = forget.scenario == "class"
            items = getattr(forget, f"{purpose}_classes") if is_class else axis.forget
            if axis.pair == "zip" and len(items) != len(axis.train):
                raise InputError(
                    f"seeds.{purpose}: zip needs as many train seeds as forget items, got "
                    f"{len(axis.train)} and {len(items)} ({forget.label}); or say 'pair: product'"
                )
            combine = product if axis.pair == "product" else zip
            pairs = list(combine(items, axis.train))
            if len(set(pairs)) < len(pairs):
                what = "classes" if is_class else "forget seed"
                raise InputError(
                    f"seeds.{purpose}: the same {what} and train seed are paired twice "
                    f"({forget.label})"
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
        raise _mistake(f"forget: a mapping with 'scenario' is needed; got {node!r}")
    node = dict(node)
    allowed = {"random": {"ratio"}, "class": {"search_classes", "final_classes"}}
    name = str(node.get("scenario"))
    if name not in allowed:
        raise _mistake(f"forget.scenario: unknown scenario '{name}'; {did_you_mean(name, allowed)}")
    needed = allowed[name]
    for key in node:
        if key not in needed | {"scenario"}:
            hint = did_you_mean(str(key), needed | {"scenario"})
            raise _mistake(f"forget.{key}: unknown key; {hint}")
    for key in sorted(needed - node.keys()):
        raise _mistake(f"forget.{key}: missing; scenario '{name}' needs it")
    if node["scenario"] == "random":
        for ratio in _as_list(node["ratio"]):
            yield node | {"ratio": ratio}
        return
    groups = {key: tuple(_group(v, key) for v in _as_list(node[key])) for key in sorted(needed)}
    for key, found in groups.items():
        if not found:
            raise _mistake(f"forget.{key}: an empty list; name at least one class")
    shared = set(sum(groups["search_classes"], ())) & set(sum(groups["final_classes"], ()))
    if shared:
        raise _mistake(
            f"forget.search_classes and final_classes share {_listed(shared)}; "
            "what is tuned on may not be reported"
        )
    yield node | groups


def _group(value: Any, key: str) -> tuple[int, ...]:
    values = tuple(_as_list(value))
    if not values or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise _mistake(f"forget.{key}: a class is a whole number; got {value!r}")
    return tuple(sorted(values))


def _override(node: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise InputError(f"--set {override}: write key.path=value")
    *parents, last = key.split(".")
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise InputError(f"--set {override}: '{parent}' is not a mapping")
    node[last] = _read_yaml(value, f"--set {override}")


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, of which YAML would keep the last."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _read_yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # a date such as 2024-13-01 is a ValueError
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from None


def _mistake(message: str) -> PydanticCustomError:
    """A mistake in a model's input; the message goes on with the key path."""
    escaped = message.replace("{", "(").replace("}", ")")  # braces would be a template
    return PydanticCustomError(_OURS, escaped)


_OURS = "sweep_file"
_NEEDED = {
    "int": "a whole number",
    "float": "a number",
    "string": "a word",
    "tuple": "a list",
    "list": "a list",
    "mapping": "a mapping",
    "dict": "a mapping",
    "model": "a mapping",
}
"""What pydantic's error types, up to the first underscore, ask for."""


def _told(error: ValidationError) -> str:
    """Key path and mistake, of the first one."""
    first = error.errors()[0]
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    if first["type"] == _OURS:
        return f"{path}.{first['msg']}" if path else first["msg"]
    got = repr(first["input"])
    return f"{path}: {_in_words(first)}" + (
        "" if first["type"] == "missing" else f"; got {got if len(got) < 80 else got[:77] + '...'}"
    )


def _in_words(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "missing"
    if kind == "literal_error":
        return f"{context['expected']} is needed"
    if kind == "too_short":
        return "at least one value is needed"
    limits = [f"{word} {context[word]}" for word in ("gt", "ge", "lt", "le") if word in context]
    if limits:
        signs = {"gt ": "above ", "ge ": "at least ", "lt ": "below ", "le ": "at most "}
        return f"must be {signs[limits[0][:3]]}{limits[0][3:]}"
    needed = _NEEDED.get(kind.partition("_")[0])
    if needed is None or kind == "string_pattern_mismatch":
        return error["msg"][0].lower() + error["msg"][1:]
    return f"{needed} is needed"


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(values)))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
