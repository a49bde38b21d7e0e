"""The schema of the cards of methods, data sets and models: each key once."""

from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, model_validator
from typing_extensions import TypedDict

from mubench.catalogue.bounds import WORDS
from mubench.catalogue.expressions import evaluate_expression
from mubench.catalogue.features import Features
from mubench.catalogue.range_syntax import parse_range
from mubench.catalogue.ranges import Fixed, Scalar
from mubench.catalogue.search_space import Param, Space
from mubench.catalogue.validation import Strict, input_error
from mubench.errors import InputError, did_you_mean

Modality = Literal["image", "text", "table"]
ORIGINS = ("source", "weights")
"""Arguments of models that say where pretrained weights come from: a folder or hub name, a file."""


class Role(Enum):
    """The purpose of a key that is not part of the identity of a data set or a model."""

    PROSE = "people read it; it decides nothing"
    PLACE = "where files lie: what is cached depends on it, no result does"
    CODE = "where its code is: ids cover that by what it does"
    USE = "how decoded examples are used: results depend on it, what is cached does not"


Prose = Annotated[str, Role.PROSE]


def _words(value: Any) -> Any:
    """YAML reads classes such as 0 and 1 as numbers."""
    return [str(each) for each in value] if isinstance(value, list | tuple) else value


def _group_names(value: Any) -> Any:
    return _words(list(range(value)) if type(value) is int else value)


def _or_none_given(value: Any) -> Any:
    """A key without a value, such as `refuses:` alone."""
    return {} if value is None else value


Names = Annotated[tuple[str, ...], BeforeValidator(_words)]
Given = Annotated[Mapping[str, Scalar], BeforeValidator(_or_none_given)]


class Cost(TypedDict):
    """Examples sent `forward` and `backward`: expressions in hyperparameters, n_f, n_r and K."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    forward: Annotated[str, BeforeValidator(str)]
    backward: Annotated[str, BeforeValidator(str)]


class ParamEntry(Strict):
    """A hyperparameter as a card writes it."""

    default: Scalar
    range: Any = None
    when: Mapping[str, Scalar] = Field(default_factory=dict)
    """Values of other hyperparameters with which it has an effect."""
    values: tuple[str, ...] = ()
    """The strings that it may be, where it is a string."""

    def param(self, name: str) -> Param:
        """The hyperparameter. Raises InputError for a malformed range."""
        is_searched = "range" in self.model_fields_set
        searched = parse_range(self.range, f"params.{name}.range") if is_searched else None
        examples = searched.examples if searched is not None else (self.default,)
        strings = tuple(value for value in examples if isinstance(value, str))
        words = self.values or WORDS.get(name) or strings
        return Param(name, self.default, searched or Fixed(self.default), self.when, words)


class MethodCard(Strict):
    """A method: its paper, what it needs, and the space of its hyperparameters."""

    kind: Literal["methods"] = "methods"
    name: str
    title: str
    paper: str
    version: StrictInt
    needs: frozenset[str]
    source: str
    """Where defaults and ranges come from."""
    cost: Cost
    stochastic: StrictBool
    """Whether another seed gives other weights."""
    identity: Mapping[str, Scalar] | None
    """Settings with which it changes nothing; None where there are none."""
    params: Mapping[str, ParamEntry]
    refuses: Annotated[Mapping[str, str], BeforeValidator(_or_none_given)] = Field(
        default_factory=dict
    )
    """Scenarios, modalities and families that it cannot handle, each with the reason."""
    quick: Given = Field(default_factory=dict)
    """Settings for the toy data of the contract: few steps, which do change the model."""
    builds_on: str = ""
    """The method that it extends: reports compare the two as planned, without a correction."""
    caveat: str = ""
    """What a reader of its numbers must know; every report with a row of the method prints it."""
    curves: Mapping[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Hyperparameters and their titles: reports draw metrics against their grid values."""

    @cached_property
    def space(self) -> Space:
        """The hyperparameters with their ranges."""
        return Space(tuple(entry.param(name) for name, entry in self.params.items()))

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        for name, entry in self.params.items():
            if not entry.when.keys() <= self.params.keys():
                known = ", ".join(self.params)
                raise input_error(f"params.{name}.when: must name hyperparameters; known: {known}")
        for name in self.curves:
            if name not in self.params:
                hint = did_you_mean(name, self.params)
                raise input_error(f"curves.{name}: unknown hyperparameter; {hint}")
        _ = self.space  # reads the ranges
        return self

    def examples(
        self, way: Literal["forward", "backward"], values: Mapping[str, Any], where: str = ""
    ) -> float:
        """Examples sent `way` with these hyperparameters and sizes.

        SAM goes twice over every batch of a descent; work beside descents is doubled here too.

        Raises:
            InputError: the expression of `cost` has no value; the message begins with `where`.
        """
        passes = 2 if values.get("optimizer") == "sam" else 1
        return passes * evaluate_expression(self.cost[way], values, f"{where}cost.{way}")

    def refusal(self, *kinds: str) -> str | None:
        """Why the method cannot do this scenario, modality or family of models, or None."""
        return next((self.refuses[kind] for kind in kinds if kind in self.refuses), None)


class DataCard(Strict):
    """A data set: where it comes from, its classes, sizes, options and declared fingerprint.

    The code of a data set gets its card, and may look for keys of its own in it.
    """

    model_config = ConfigDict(extra="allow")

    kind: Literal["datasets"] = "datasets"
    name: str
    title: Prose
    citation: Prose = ""
    description: Prose = ""
    note: Prose = ""
    modality: Modality
    classes: Names
    groups: Annotated[tuple[str, ...], BeforeValidator(_group_names)] = ()
    """Finer than classes, or another division: subclasses, identities. Often there are none."""
    features: Features = ()
    """Of a table: its columns, in order."""
    sources: Annotated[tuple[str, ...], Role.CODE] = ()
    modules: Annotated[tuple[str, ...], Role.CODE]
    """The modules with its `read`: one for each source of its files, or that of a plug-in."""
    uri: Annotated[str | None, Role.PLACE] = None
    own: Mapping[str, Any] | None = None
    """Of data without a card file: what the sweep says of them, see `data/own/entry.py`."""
    found: Annotated[tuple[str, ...], Role.PROSE] = ()
    """What was found in them, in sentences for people."""
    sizes: Annotated[Mapping[str, StrictInt], Role.USE] = Field(default_factory=dict)
    options: Annotated[Mapping[str, Any], Role.USE] = Field(default_factory=dict)
    fingerprint: Annotated[str | None, Role.USE] = None
    """For data in files: what a plan assumes where the files are not present."""
    examples: Annotated[str | None, Role.USE] = None
    augment: Annotated[Mapping[str, Any] | None, Role.USE] = None
    mean: Annotated[tuple[float, ...], Role.USE] = ()
    std: Annotated[tuple[float, ...], Role.USE] = ()
    max_value: Annotated[float | None, Role.USE] = None
    card: Mapping[str, Any] = Field(repr=False)
    """All of it as it is written, for the code that reads the data."""

    @property
    def facts(self) -> dict[str, Any]:
        """The part of the card that decides results."""
        return _without(DataCard, self.card, Role.PROSE, Role.PLACE, Role.CODE)


def decoding_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a data set's card, as written, that decides the cached files."""
    return _without(DataCard, card, Role.PROSE, Role.CODE, Role.USE)


def _without(model: type[Strict], card: Mapping[str, Any], *roles: Role) -> dict[str, Any]:
    """The keys of a card that have none of these roles."""
    fields = model.model_fields
    return {
        key: value
        for key, value in card.items()
        if key not in fields or not set(fields[key].metadata) & set(roles)
    }


class Tokens(TypedDict):
    """How the texts of a model become tokens: with a learned vocabulary, or with a tokenizer's."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    length: Annotated[StrictInt, Field(ge=1)]
    """The most tokens of a text."""
    vocabulary: NotRequired[Annotated[StrictInt, Field(ge=1)]]
    """The size of the vocabulary to learn."""
    source: NotRequired[str]
    """A folder or hub name with a tokenizer."""


class ModelCard(Strict):
    """A model: its builder, what data it takes, and the recipe that trains it."""

    kind: Literal["models"] = "models"
    name: str
    title: Prose
    citation: Prose = ""
    description: Prose = ""
    note: Prose = ""
    module: Annotated[str, Role.CODE]
    """Where its builder is."""
    builder: Annotated[str, Role.CODE]
    arguments: Mapping[str, Any]
    """Arguments of the builder."""
    modality: Modality
    family: str
    recipe: Mapping[str, Any]
    parameters: StrictInt | None = None
    """Number of weights, for ten classes."""
    smallest: StrictInt = 1
    """Height and width that images must have at least."""
    tokens: Tokens | None = None
    """None for a model of images."""
    code: Annotated[tuple[str, ...], Role.CODE] = ()
    """More definitions that build it, as roots of content ids."""
    packages: tuple[str, ...] = ()
    """Packages whose versions decide what it is."""
    card: Mapping[str, Any] = Field(repr=False)
    """All of it as it is written, for its builder."""

    @model_validator(mode="after")
    def _have_tokens(self) -> Self:
        if self.modality != "text":
            return self
        if self.tokens is None:
            raise input_error("tokens: missing; a model of text needs them")
        if ("vocabulary" in self.tokens) == ("source" in self.tokens):
            raise input_error("tokens: either vocabulary or source is needed")
        return self

    @property
    def facts(self) -> dict[str, Any]:
        """The part of the card that decides results, without the pretrained weights."""
        facts = _without(type(self), self.card, Role.PROSE, Role.PLACE, Role.CODE)
        arguments = {k: v for k, v in self.arguments.items() if k not in ORIGINS}
        return {**facts, "arguments": arguments}

    @property
    def origins(self) -> Mapping[str, str | None]:
        """Arguments that say where pretrained weights come from."""
        return {key: self.arguments[key] for key in ORIGINS if key in self.arguments}

    def pretrained(self, options: Mapping[str, str]) -> "ModelCard":
        """The model with weights from elsewhere. Raises InputError where it takes none."""
        for key in options:
            if key not in self.origins:
                hint = did_you_mean(key, self.origins) if self.origins else "it has none"
                raise InputError(f"grid.model.{self.name}.{key}: unknown option; {hint}")
        if not options:
            return self
        tokens = self.tokens
        if tokens is not None and "source" in tokens and "source" in options:
            tokens = {**tokens, "source": options["source"]}
        arguments = {**self.arguments, **options}
        card = {**self.card, "arguments": arguments}
        return self.model_copy(update={"arguments": arguments, "tokens": tokens, "card": card})
