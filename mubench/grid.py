"""The axes of a sweep: data sets, models and forget scenarios, as a sweep file writes them."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Literal

from pydantic import Field, model_validator

from mubench.errors import did_you_mean
from mubench.strict import Strict, listed, mistake


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
    dataset: tuple[str, ...] = ()
    """Names of the data sets that it is for; none stands for all."""
    ratio: float | None = Field(None, gt=0, lt=1)
    search_classes: tuple[tuple[int, ...], ...] = ()
    final_classes: tuple[tuple[int, ...], ...] = ()

    @property
    def label(self) -> str:
        """`random-0.1` or `class`."""
        return f"random-{self.ratio:g}" if self.scenario == "random" else "class"


class GridSpec(Strict):
    """The axes whose product is the cells of the sweep, but for scenarios of other data sets."""

    dataset: tuple[DatasetSpec, ...] = Field(min_length=1)
    model: tuple[str, ...] = Field(min_length=1)
    forget: tuple[ForgetSpec, ...] = Field(min_length=1)

    @property
    def cells(self) -> Iterator[tuple[DatasetSpec, str, ForgetSpec]]:
        """Data set, model and scenario of each cell."""
        for data, model, forget in product(self.dataset, self.model, self.forget):
            if data.name in (forget.dataset or (data.name,)):
                yield data, model, forget

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


def _dataset(node: Any) -> Any:
    """`digits` and `{name: digits, flip_labels: 0.2}` are both data sets."""
    if isinstance(node, str):
        return {"name": node}
    if isinstance(node, Mapping) and "options" not in node:
        return {"name": node.get("name"), "options": {k: v for k, v in node.items() if k != "name"}}
    return node


def _forgets(node: Any) -> Iterator[Any]:
    """One scenario for each ratio of a list; a lone class stands for a group of one."""
    _check_keys(node)
    if "dataset" in node:
        node = {**node, "dataset": _as_list(node["dataset"])}
    if node["scenario"] == "random":
        for ratio in _as_list(node["ratio"]):
            yield {**node, "ratio": ratio}
        return
    groups = {
        key: tuple(_group(v, key) for v in _as_list(node[key])) for key in _ARGUMENTS["class"]
    }
    for key, found in groups.items():
        if not found:
            raise mistake(f"forget.{key}: an empty list; name at least one class")
    searched, reported = (set(sum(found, ())) for found in groups.values())
    if searched & reported:
        raise mistake(
            f"forget.search_classes and final_classes share {listed(searched & reported)}; "
            "what is tuned on may not be reported"
        )
    yield {**node, **groups}


_ARGUMENTS = {"random": ("ratio",), "class": ("search_classes", "final_classes")}


def _check_keys(node: Any) -> None:
    if not isinstance(node, Mapping):
        raise mistake(f"forget: a mapping with 'scenario' is needed; got {node!r}")
    name = str(node.get("scenario"))
    if name not in _ARGUMENTS:
        hint = did_you_mean(name, _ARGUMENTS)
        raise mistake(f"forget.scenario: unknown scenario '{name}'; {hint}")
    known = ("scenario", *_ARGUMENTS[name])
    for key in node:
        if key not in (*known, "dataset"):
            raise mistake(f"forget.{key}: unknown key; {did_you_mean(str(key), known)}")
    for key in known:
        if key not in node:
            raise mistake(f"forget.{key}: missing; scenario '{name}' needs it")


def _group(value: Any, key: str) -> tuple[int, ...]:
    values = tuple(_as_list(value))
    if not values or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise mistake(f"forget.{key}: a class is a whole number; got {value!r}")
    return tuple(sorted(values))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
