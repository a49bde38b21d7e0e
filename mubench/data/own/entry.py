"""How a person names data of their own: what a sweep file says of them."""

import codecs
import re
from collections.abc import Mapping
from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StrictInt, model_validator

from mubench.catalogue.validation import Line, Strict, input_error

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}"
"""What a name may be that becomes part of paths and tables."""


Mode = Literal["L", "RGB"]
"""Of Pillow: grey, or colours."""
Crop = Literal["center", "none", "pad"]


def _patterns(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _pair(value: Any) -> Any:
    return [value, value] if type(value) is int else value


Patterns = Annotated[tuple[Line, ...], BeforeValidator(_patterns)]
Side = Annotated[StrictInt, Field(ge=1, le=4096)]


class OwnEntry(Strict):
    """Data without a card. What is left out is found."""

    path: Line | None = None
    """A folder or file, or a URI of `pyarrow.fs`."""
    hub: Line | None = None
    """A name on the Hugging Face hub, or a folder that its library `datasets` can load."""
    config: Line | None = None
    revision: Line | None = None
    image: Line | None = None
    """The column of images: bytes, or names of files beside the table."""
    text: Line | None = None
    features: Literal["all"] | Patterns = ()
    """The columns of a table that are inputs; `all` are those that are nothing else."""
    without: Patterns = ()
    """Columns that `all` leaves out."""
    numeric: Patterns = ()
    """Columns of `features` that are numbers, whatever they look like."""
    categorical: Patterns = ()
    """Columns of `features` that are categories, whatever they look like."""
    label: Line | None = None
    group: Line | None = None
    split: Line | None = None
    """The column that names each example's split."""
    train: Patterns = ()
    """Patterns of the files of a split, where their names do not say it."""
    validation: Patterns = ()
    test: Patterns = ()
    encoding: Line = "utf-8"
    resize: Annotated[tuple[Side, Side] | None, BeforeValidator(_pair)] = None
    """Height and width of all images."""
    crop: Crop = "center"
    """How other shapes fit: `center` cuts what is over, `pad` adds black, `none` stretches."""
    mode: Mode | None = None
    min_class_size: Annotated[StrictInt, Field(ge=1)] = 1
    """Classes with fewer examples are left out."""

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise input_error("path: either path or hub is needed")
        if self.image and self.text:
            raise input_error("image: give either an image column or a text column")
        self._make_sense_of_features()
        if self.crop != "center" and self.resize is None:
            raise input_error("crop: says how images are resized; add resize, such as 'resize: 64'")
        try:
            codecs.lookup(self.encoding)
        except (LookupError, ValueError) as error:
            raise input_error(
                f"encoding: none is called '{self.encoding}'; such as utf-8, utf-16 or latin-1"
            ) from error
        if self.hub is None and (self.config or self.revision):
            raise input_error("config: config and revision are of data sets of the hub")
        if (self.validation or self.test) and not self.train:
            raise input_error("train: name the files of the training split, too")
        return self

    def _make_sense_of_features(self) -> None:
        if self.features and (self.image or self.text):
            raise input_error("features: give features of a table, or an image or text column")
        for key, columns in (("numeric", self.numeric), ("categorical", self.categorical)):
            if columns and not self.features:
                raise input_error(f"{key}: is of tables: add 'features: all'")
            if self.features and self.features != "all":
                for column in sorted(set(columns) - set(self.features)):
                    raise input_error(f"{key}: '{column}' is not among the features")
        if self.without and self.features != "all":
            raise input_error("without: leaves columns out of 'features: all'")
        kinds = {"numeric": self.numeric, "categorical": self.categorical, "without": self.without}
        for (one, some), (other, more) in combinations(kinds.items(), 2):
            for column in sorted(set(some) & set(more)):
                raise input_error(f"{other}: '{column}' is named in {one}, too")

    @property
    def stated(self) -> frozenset[str]:
        """Columns that the user chose one by one: nobody asks whether they are meant."""
        chosen = () if self.features == "all" else self.features
        return frozenset((*chosen, *self.numeric, *self.categorical))

    @property
    def patterns(self) -> dict[str, tuple[str, ...]]:
        """The named files of each split; empty where names of files say it."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: wanted for split, wanted in named.items() if wanted}

    @property
    def uri(self) -> str:
        """The path, or the name on the hub behind `hub:`."""
        return self.path if self.path is not None else f"{HUB}{self.hub}"

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> "OwnEntry":
        """What a card was made from."""
        uri = str(card["uri"])
        key = "hub" if uri.startswith(HUB) else "path"
        return cls.model_validate({**card["own"], key: uri.removeprefix(HUB)})

    @property
    def facts(self) -> Mapping[str, Any]:
        """What of it decides the examples, but for where they lie."""
        return self.model_dump(exclude={"path", "hub"}, exclude_defaults=True, mode="json")


HUB = "hub:"
"""What the URI of a data set of the hub begins with."""


def default_name(place: str) -> str:
    """The last part of a path or hub name that may name a data set."""
    last = place.rstrip("/").rpartition("/")[2]
    stem = re.sub(r"\.(parquet|arrow|csv|tsv|jsonl|ndjson|json)(\.\w+)?$", "", last)
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._")[:80]
