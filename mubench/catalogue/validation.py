"""Pydantic models that refuse what they do not know, and say so in one line."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from mubench.errors import did_you_mean


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and says the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _know_all_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for key in value:
                if key not in cls.model_fields:
                    raise mistake(f"{key}: unknown key; {did_you_mean(str(key), cls.model_fields)}")
                is_switch = cls.model_fields[key].annotation is bool
                if isinstance(value[key], bool) and not is_switch:  # else read as 0 or 1
                    raise mistake(f"{key}: {str(value[key]).lower()} means nothing here")
        return value


def mistake(message: str) -> PydanticCustomError:
    """A mistake in a model's input; the message goes on with the key path."""
    return PydanticCustomError(OURS, "{text}", {"text": message})


OURS = "sweep_file"
"""The type of errors that `mistake` makes; the field that they name stands in their message."""
_NEEDED = {
    "bool": "true or false",
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
_LIMITS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def told(error: ValidationError) -> str:
    """Key path and mistake, of the first of an error's mistakes."""
    first = error.errors()[0]
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    if first["type"] == OURS:
        return f"{path}.{first['msg']}" if path else first["msg"]
    return f"{path}: {sentence(first)}"


def sentence(error: ErrorDetails) -> str:
    """One mistake without its key path."""
    if error["type"] in (OURS, "missing"):
        return "missing" if error["type"] == "missing" else error["msg"]
    got = repr(error["input"])
    return f"{_in_words(error)}; got {got if len(got) < 80 else got[:77] + '...'}"


def _in_words(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return f"{context['expected']} is needed"
    if kind == "too_short":
        return "at least one value is needed"
    for limit, word in _LIMITS.items():
        if limit in context:
            return f"must be {word} {context[limit]}"
    needed = _NEEDED.get(kind.partition("_")[0])
    if needed is None or kind == "string_pattern_mismatch":
        return error["msg"][0].lower() + error["msg"][1:]
    return f"{needed} is needed"


def listed(values: Iterable[int | str]) -> str:
    """Numbers in order, then words, for a message."""
    ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
    return ", ".join(map(str, ordered))
