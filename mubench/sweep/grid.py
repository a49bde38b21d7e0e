"""The axes of a sweep: data sets, models and forget scenarios."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, StrictInt, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from mubench.catalogue import cards
from mubench.catalogue.card_schema import DataCard, ModelCard
from mubench.catalogue.validation import Strict, first_error, input_error
from mubench.data import forget_file
from mubench.data.forget_file import ForgetFile
from mubench.data.scenario import (
    Classes,
    Corrupted,
    Groups,
    GroupShare,
    Ids,
    Purpose,
    Random,
    Scenario,
)
from mubench.errors import InputError, did_you_mean
from mubench.sweep.grid_syntax import (
    PLURALS,
    Named,
    as_list,
    dataset_entry,
    forget_entries,
)
from mubench.sweep.own_models import model_entry


class DatasetSpec(Strict):
    """A data set and its options."""

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)
    declared: Mapping[str, Any] | None = None
    """The card of a folder of Parquet files that the sweep names itself; else None."""

    @classmethod
    def of_own(cls, entry: Mapping[str, Any]) -> Self:
        """Data without a card file, as a sweep may name them. Raises InputError."""
        try:
            return cls.model_validate(dataset_entry(entry))
        except (ValidationError, PydanticCustomError) as error:
            text = first_error(error) if isinstance(error, ValidationError) else str(error)
            raise InputError(text) from None

    @property
    def label(self) -> str:
        """The name, with the options that differ from the card's."""
        given = [f"{key}={_words(value)}" for key, value in sorted(self.options.items())]
        return f"{self.name}[{','.join(given)}]" if given else self.name

    @property
    def card(self) -> DataCard:
        """Its card. Raises InputError for an unknown data set."""
        if self.declared is not None:
            return cards.validate_data_card(self.declared)
        return cards.dataset(self.name)


class ModelSpec(Strict):
    """A model, and perhaps where its pretrained weights come from."""

    name: str
    options: Mapping[str, str] = Field(default_factory=dict)
    """`source` (a folder or a hub name) or `weights` (a file), where the model's card has them."""
    declared: ModelCard | None = None
    """The card of a model that the sweep itself describes; else None."""

    @property
    def label(self) -> str:
        """The name, with the last part of what differs from the card."""
        given = [f"{key}={Path(value).name}" for key, value in sorted(self.options.items())]
        return f"{self.name}[{','.join(given)}]" if given else self.name

    @property
    def card(self) -> ModelCard:
        """Its card, with these options. Raises InputError for an unknown model."""
        if self.declared is not None:
            return self.declared
        return cards.model(self.name).pretrained(self.options)


_RATIO = re.compile(r"-(\d+(?:\.\d+)?(?:e-?\d+)?)(?=-|$)")


def kind_and_ratio(scenario: str) -> tuple[str, float | None]:
    """The parts of a scenario's label: the label without its ratio, and the ratio or None.

    >>> kind_and_ratio("random-0.1-stratified"), kind_and_ratio("class")
    (('random-stratified', 0.1), ('class', None))
    """
    ratio = _RATIO.search(scenario)
    return _RATIO.sub("", scenario, count=1), float(ratio[1]) if ratio else None


class ForgetSpec(Strict):
    """A forget scenario; which fields are needed depends on it, see `grid_syntax.ARGUMENTS`."""

    scenario: Literal["random", "class", "group", "index", "corrupted"]
    dataset: tuple[str, ...] = ()
    """Names of the data sets that it applies to; empty: all."""
    ratio: float | None = Field(None, gt=0, lt=1)
    discovered: float | None = Field(None, gt=0, le=1)
    """The share of the examples with a wrong label that is to be forgotten."""
    stratified: bool = False
    parts: StrictInt = Field(1, ge=1, le=100)
    """How many requests D_f comes in, which are unlearned one after the other on one model."""
    search: tuple[Named, ...] = ()
    """What searches forget: classes or groups by number or name, or one path of a file."""
    final: tuple[Named, ...] = ()
    carried: tuple[ForgetFile, ...] = ()
    """Forget sets that the sweep itself holds: `search` and `final` name them by checksum."""

    @property
    def label(self) -> str:
        """`random-0.1`, `random-0.1-stratified`, `class`, `group-0.1`, `class-parts5`, ..."""
        words: list[str] = [self.scenario]
        if self.share is not None:
            words.append(f"{self.share:g}")
        words += ["stratified"] * self.stratified
        return "-".join(words + [f"parts{self.parts}"] * (self.parts > 1))

    @property
    def asks(self) -> tuple[str, ...]:
        """What a method must be able to forget, in the words of `refuses`.

        Wrong labels, and a part of a class, are drawn from the examples as random ones are.
        """
        if self.scenario == "corrupted":
            return ("random",)
        return (self.scenario, "random") if self.parts > 1 else (self.scenario,)

    @property
    def share(self) -> float | None:
        """The share that is drawn, of examples, groups or wrong labels; None where D_f is named."""
        return self.ratio if self.discovered is None else self.discovered

    @property
    def is_drawn(self) -> bool:
        """Whether forget sets are drawn by a seed, rather than named."""
        return self.share is not None

    def scenarios(self, purpose: Purpose, card: DataCard) -> list[Scenario]:
        """What each request of a purpose forgets; one that every seed draws from, if it is drawn.

        Raises:
            InputError: a class or group that does not exist, or a file that is no forget set.
        """
        if self.discovered is not None:
            return [Corrupted(self.discovered)]
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
        return next(carried, None) or forget_file.read_forget_file(named)

    def _numbers(
        self, named: Named, known: tuple[str, ...], purpose: Purpose, dataset: str
    ) -> tuple[int, ...]:
        """Numbers of classes or groups that are given by number or by name."""
        plural = PLURALS[self.scenario]
        where = f"grid.forget.{purpose}_{plural}: "
        number_of = {name: number for number, name in reversed(list(enumerate(known)))}
        for value in named:
            _require_one_meaning(value, known, f"{where}{self.scenario}")
        numbers = [number_of.get(v, v) if isinstance(v, str) else v for v in named]
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


def _require_one_meaning(value: int | str, known: tuple[str, ...], where: str) -> None:
    """Refuse a number that is also the name of another class or group; a text is always a name."""
    if isinstance(value, str) or not 0 <= value < len(known) or str(value) not in known:
        return
    other = known.index(str(value))
    if other != value:
        raise InputError(
            f"{where} {value} is number {value}, which is called '{known[value]}', or the one "
            f"called '{value}', number {other}; write its name in quotes: '{known[value]}' or "
            f"'{value}'"
        )


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
            expanded["dataset"] = [dataset_entry(node) for node in as_list(value["dataset"])]
        if "model" in value:
            expanded["model"] = [model_entry(node) for node in as_list(value["model"])]
        if "forget" in value:
            expanded["forget"] = [
                spec
                for i, node in enumerate(as_list(value["forget"]))
                for spec in _forget_specs(node, f"forget[{i}]")
            ]
        return expanded


def datasets(axis: Any) -> tuple[DatasetSpec, ...]:
    """The data sets that `grid.dataset` of a sweep's mapping names. Raises ValueError."""
    return tuple(DatasetSpec.model_validate(dataset_entry(node)) for node in as_list(axis))


def _forget_specs(node: Any, where: str) -> list[ForgetSpec]:
    """Validated here: only here is known where a scenario is written."""
    try:
        return [ForgetSpec.model_validate(entry) for entry in forget_entries(node, where)]
    except ValidationError as error:
        raise input_error(f"{where}.{first_error(error)}") from None


def _ids_of(file: ForgetFile, card: DataCard) -> Ids:
    official = card.sizes.get("train", 0) + card.sizes.get("validation", 0)
    if official and file.ids[-1] >= official + card.sizes.get("test", 0):
        raise InputError(
            f"forget set {file.name}: example {file.ids[-1]} is out of range; "
            f"'{card.name}' is smaller"
        )
    return Ids(file.ids, file.sha256, file.name, file.data)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value)]
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
