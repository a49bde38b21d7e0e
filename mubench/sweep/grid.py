"""The axes of a sweep: data sets, models and forget scenarios, as a sweep file writes them."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from mubench.catalogue import cards
from mubench.catalogue.card_schema import DataCard, ModelCard
from mubench.catalogue.validation import Strict, first_error, in_order, input_error
from mubench.data import forget_file
from mubench.data.forget_file import ForgetFile
from mubench.data.scenario import Classes, Groups, GroupShare, Ids, Purpose, Random, Scenario
from mubench.errors import DataError, InputError, did_you_mean

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
"""What a name may be that becomes part of paths and tables."""
Named = tuple[int | str, ...]
"""Classes or groups that are forgotten together, by number or by name."""


class DatasetSpec(Strict):
    """A data set and its options."""

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)
    declared: Mapping[str, Any] | None = None
    """The card of a folder of Parquet files that the sweep names itself; else None."""

    @property
    def label(self) -> str:
        """The name, with the options that differ from the card's."""
        given = [f"{key}={_words(value)}" for key, value in sorted(self.options.items())]
        return f"{self.name}[{','.join(given)}]" if given else self.name

    @property
    def card(self) -> DataCard:
        """What is known of it. Raises InputError where there is no such data set."""
        if self.declared is not None:
            return cards.data_card(self.declared)
        return cards.dataset(self.name)


class ModelSpec(Strict):
    """A model, and perhaps where its pretrained weights come from."""

    name: str
    options: Mapping[str, str] = Field(default_factory=dict)
    """`source` (a folder or a hub name) or `weights` (a file), where the model's card has them."""

    @property
    def label(self) -> str:
        """The name, with the last part of what differs from the card."""
        given = [f"{key}={Path(value).name}" for key, value in sorted(self.options.items())]
        return f"{self.name}[{','.join(given)}]" if given else self.name

    @property
    def card(self) -> ModelCard:
        """Its card, with these options. Raises InputError where there is no such one."""
        return cards.model(self.name).pretrained(self.options)


_RATIO = re.compile(r"-(\d+(?:\.\d+)?(?:e-?\d+)?)(?=-|$)")


def kind_and_ratio(scenario: str) -> tuple[str, float | None]:
    """What a scenario's label says: the label without its ratio, and the ratio if there is one.

    >>> kind_and_ratio("random-0.1-stratified"), kind_and_ratio("class")
    (('random-stratified', 0.1), ('class', None))
    """
    found = _RATIO.search(scenario)
    return _RATIO.sub("", scenario, count=1), float(found[1]) if found else None


class ForgetSpec(Strict):
    """A forget scenario; which of the fields are needed depends on it, see `ARGUMENTS`."""

    scenario: Literal["random", "class", "group", "index"]
    dataset: tuple[str, ...] = ()
    """Names of the data sets that it is for; none stands for all."""
    ratio: float | None = Field(None, gt=0, lt=1)
    stratified: bool = False
    search: tuple[Named, ...] = ()
    """What searches forget: classes or groups by number or name, or one path of a file."""
    final: tuple[Named, ...] = ()
    carried: tuple[ForgetFile, ...] = ()
    """Forget sets that the sweep itself holds: `search` and `final` name them by checksum."""

    @property
    def label(self) -> str:
        """`random-0.1`, `random-0.1-stratified`, `class`, `group`, `group-0.1` or `index`."""
        words: list[str] = [self.scenario]
        if self.ratio is not None:
            words.append(f"{self.ratio:g}")
        return "-".join(words + ["stratified"] * self.stratified)

    @property
    def is_drawn(self) -> bool:
        """Whether forget sets are drawn by a seed, rather than named."""
        return self.ratio is not None

    def scenarios(self, purpose: Purpose, card: DataCard) -> list[Scenario]:
        """What each request of a purpose forgets; one that every seed draws from, if it is drawn.

        Raises:
            InputError: a class or group that does not exist, or a file that is no forget set.
        """
        if self.ratio is not None:
            is_random = self.scenario == "random"
            return [Random(self.ratio, self.stratified) if is_random else GroupShare(self.ratio)]
        named: tuple[Named, ...] = getattr(self, purpose)
        if self.scenario == "index":
            return [_ids_of(self._file(str(one[0])), card) for one in named]
        known = card.classes if self.scenario == "class" else card.groups
        kind = Classes if self.scenario == "class" else Groups
        return [kind(self._numbers(one, known, purpose, card.name)) for one in named]

    def _file(self, named: str) -> ForgetFile:
        carried = (file for file in self.carried if file.sha256 == named)
        return next(carried, None) or forget_file.read(named)

    def _numbers(
        self, named: Named, known: tuple[str, ...], purpose: Purpose, dataset: str
    ) -> tuple[int, ...]:
        """Numbers of classes or groups that are given by number or by name."""
        plural = _PLURALS[self.scenario]
        where = f"grid.forget.{purpose}_{plural}: "
        numbers = [known.index(v) if isinstance(v, str) and v in known else v for v in named]
        for number in numbers:
            if isinstance(number, str):
                hint = did_you_mean(number, known)
                raise InputError(f"{where}{self.scenario} '{number}' does not exist; {hint}")
            if not 0 <= number < len(known):
                range_of = f"{plural} 0 to {len(known) - 1}" if known else f"no {plural}"
                raise InputError(
                    f"{where}{self.scenario} {number} does not exist; '{dataset}' has {range_of}"
                )
        distinct = tuple(sorted({number for number in numbers if isinstance(number, int)}))
        if len(distinct) < len(named):
            raise InputError(f"{where}{list(named)} names a {self.scenario} twice")
        if len(distinct) == len(known):
            raise InputError(f"{where}{list(named)} leaves no {self.scenario} to retain")
        return distinct


class GridSpec(Strict):
    """The axes whose product is the cells of the sweep, but for scenarios of other data sets."""

    dataset: tuple[DatasetSpec, ...] = Field(min_length=1)
    model: tuple[ModelSpec, ...] = Field(min_length=1)
    forget: tuple[ForgetSpec, ...] = Field(min_length=1)

    @property
    def cells(self) -> Iterator[tuple[DatasetSpec, ModelSpec, ForgetSpec]]:
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
            expanded["model"] = [_with_options(node) for node in _as_list(value["model"])]
        if "forget" in value:
            expanded["forget"] = [
                spec
                for i, node in enumerate(_as_list(value["forget"]))
                for spec in _forget_specs(node, f"forget[{i}]")
            ]
        return expanded


def datasets(axis: Any) -> tuple[DatasetSpec, ...]:
    """The data sets that `grid.dataset` of a sweep's mapping names. Raises ValueError."""
    return tuple(DatasetSpec.model_validate(_dataset(node)) for node in _as_list(axis))


def _dataset(node: Any) -> Any:
    """`digits`, `{name: digits, flip_labels: 0.2}` and `{parquet: FOLDER}` are all data sets."""
    is_folder = isinstance(node, Mapping) and "parquet" in node
    return _folder(node) if is_folder else _with_options(node)


def _with_options(node: Any) -> Any:
    """A name alone, or a mapping with a name and options."""
    if isinstance(node, str):
        return {"name": node}
    if isinstance(node, Mapping) and "options" not in node:
        return {"name": node.get("name"), "options": {k: v for k, v in node.items() if k != "name"}}
    return node


def _folder(node: Mapping[str, Any]) -> dict[str, Any]:
    """A folder of Parquet files without a card: what its schema says, with the given columns."""
    from mubench.data.sources import parquet  # here: only such a folder needs a decoder of images

    columns = {key: str(node[key]) for key in ("image", "text", "label", "group") if key in node}
    if not isinstance(node["parquet"], str) or not node["parquet"]:
        raise input_error(f"dataset.parquet: a folder or URI is needed; got {node['parquet']!r}")
    if "image" in columns and "text" in columns:
        raise input_error("dataset.parquet: give either an image column or a text column")
    uri = node["parquet"]
    if "://" not in uri:
        uri = str(Path(uri).absolute())
    name = str(node.get("name", uri.rstrip("/").rpartition("/")[2]))
    if not re.fullmatch(NAME, name) or name in cards.names("datasets"):
        raise input_error(
            f"dataset.name: '{name}' cannot name a folder of Parquet files: letters, digits, _ - . "
            "are allowed, and names of data sets that mubench knows are taken"
        )
    options = {key: v for key, v in node.items() if key not in (*columns, "parquet", "name")}
    try:
        declared = cards.undeclared(parquet.describe(uri, columns, name))
    except DataError as error:
        raise input_error(f"dataset.parquet: {error}") from None
    return {"name": name, "options": options, "declared": declared}


def _forget_specs(node: Any, where: str) -> list[ForgetSpec]:
    """Validated here: only here is known where a scenario is written."""
    try:
        return [ForgetSpec.model_validate(entry) for entry in _forgets(node, where)]
    except ValidationError as error:
        raise input_error(f"{where}.{first_error(error)}") from None


def _forgets(node: Any, where: str) -> Iterator[dict[str, Any]]:
    """One scenario for each ratio of a list; a lone class stands for a group of one."""
    _check_keys(node, where)
    entry = {key: value for key, value in node.items() if key in ("scenario", "stratified")}
    if "dataset" in node:
        entry["dataset"] = _as_list(node["dataset"])
    if "ratio" in node:
        for ratio in _as_list(node["ratio"]):
            yield {**entry, "ratio": ratio}
        return
    plural = _PLURALS[node["scenario"]]
    if node["scenario"] == "index":
        files = [file for key in ARGUMENTS["index"][0] for file in _as_list(node[key])]
        entry["carried"] = tuple(forget_file.unpack(f) for f in files if isinstance(f, Mapping))
    for purpose in ("search", "final"):
        key, kind = f"{purpose}_{plural}", node["scenario"]
        values = _as_list(node[key])
        entry[purpose] = tuple(_named(value, f"{where}.{key}", kind) for value in values)
        if not values:
            raise input_error(f"{where}.{key}: an empty list; name at least one {kind}")
    shared = set(sum(entry["search"], ())) & set(sum(entry["final"], ()))
    if shared:
        raise input_error(
            f"{where}.search_{plural}: shares {in_order(shared)} with final_{plural}; "
            "what is tuned on may not be reported"
        )
    yield entry


_PLURALS = {"class": "classes", "group": "groups", "index": "files"}
ARGUMENTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "random": (("ratio",),),
    "class": (("search_classes", "final_classes"),),
    "group": (("search_groups", "final_groups"), ("ratio",)),
    "index": (("search_files", "final_files"),),
}
"""The keys that each scenario needs; `group` has two forms."""


def _check_keys(node: Any, where: str) -> None:
    if not isinstance(node, Mapping):
        raise input_error(f"{where}: a mapping with 'scenario' is needed; got {node!r}")
    name = str(node.get("scenario"))
    if name not in ARGUMENTS:
        hint = did_you_mean(name, ARGUMENTS)
        raise input_error(f"{where}.scenario: unknown scenario '{name}'; {hint}")
    forms = ARGUMENTS[name]
    form = next((form for form in forms if set(form) & set(node)), forms[0])
    known = ("scenario", *form, *(("stratified",) if name == "random" else ()))
    for key in node:
        if key not in (*known, "dataset"):
            raise input_error(f"{where}.{key}: unknown key; {did_you_mean(str(key), known)}")
    for key in ("scenario", *form):
        if key not in node:
            raise input_error(f"{where}.{key}: missing; scenario '{name}' needs it")


def _named(value: Any, where: str, kind: str) -> Named:
    """Several classes at once, or one: by number or by name."""
    if kind == "index" and isinstance(value, Mapping):
        return (forget_file.unpack(value).sha256,)
    values = tuple(_as_list(value))
    if kind == "index":
        if len(values) != 1 or not isinstance(values[0], str):
            raise input_error(f"{where}: each file is a path; got {value!r}")
    elif not values or not all(
        isinstance(v, int | str) and not isinstance(v, bool) for v in values
    ):
        raise input_error(f"{where}: a {kind} is a whole number or a name; got {value!r}")
    return values


def _ids_of(file: ForgetFile, card: DataCard) -> Ids:
    official = card.sizes.get("train", 0) + card.sizes.get("validation", 0)
    if official and file.ids[-1] >= official + card.sizes.get("test", 0):
        raise InputError(
            f"forget set {file.name}: example {file.ids[-1]} is out of range; "
            f"'{card.name}' is smaller"
        )
    return Ids(file.ids, file.sha256, file.name, file.data)


def _words(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
