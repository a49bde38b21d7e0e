"""Pydantic models that refuse unknown keys, with errors of one line."""

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from mubench.catalogue.yaml_document import Document
from mubench.errors import InputError, did_you_mean, is_one_line


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and names the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _know_all_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for key in value:
                if key in cls.model_fields:
                    _refuse_boolean(key, value[key], cls.model_fields[key].annotation)
                elif cls.model_config["extra"] == "forbid":
                    hint = did_you_mean(str(key), cls.model_fields)
                    raise input_error(f"{key}: unknown key; {hint}")
        return value


def input_error(message: str) -> PydanticCustomError:
    """An error of a model's input; the message goes on with the key path."""
    return PydanticCustomError(OWN_ERROR, "{text}", {"text": message})


def _in_one_line(text: str) -> str:
    if not is_one_line(text):
        raise PydanticCustomError(
            "one_line",
            "one line without control characters is needed; got {text}",
            {"text": repr(text)},
        )
    return text


Line = Annotated[str, AfterValidator(_in_one_line)]
"""A text that is safe to show on a terminal."""

OWN_ERROR = "sweep_file"
"""The type of errors that `input_error` makes; their message begins with the field."""
_NEEDED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "a string",
    "tuple": "a list",
    "list": "a list",
    "frozen": "a list",
    "mapping": "a mapping",
    "dict": "a mapping",
    "model": "a mapping",
}
"""What pydantic's error types, up to the first underscore, ask for."""
_PLAIN = {"missing": "missing", "extra_forbidden": "unknown key"}
_LIMITS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], document: Document, **more: Any) -> Model:
    """Validate a document that is a mapping, with additional values of the caller.

    Raises:
        InputError: one line: file, line and column, key path, what is wrong.
    """
    try:
        return model.model_validate({**document.value, **more})
    except ValidationError as error:
        raise document.error(first_error(error)) from None
    except InputError as error:
        raise document.error(str(error)) from None


def first_error(error: ValidationError) -> str:
    """Key path and text of the first error."""
    first = error.errors(include_url=False)[0]
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    if first["type"] == OWN_ERROR:
        return f"{path}.{first['msg']}" if path else first["msg"]
    return f"{path}: {error_text(first)}"


def error_text(error: ErrorDetails) -> str:
    """One error without its key path."""
    if error["type"] in _PLAIN:
        return _PLAIN[error["type"]]
    if error["type"] == OWN_ERROR:
        return error["msg"]
    value = repr(error["input"])
    return f"{_in_words(error)}; got {value if len(value) < 80 else value[:77] + '...'}"


def in_order(values: Iterable[int | str]) -> str:
    """Numbers in order, then words, for a message."""
    ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
    return ", ".join(map(str, ordered))


def _in_words(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return f"{context['expected']} is needed"
    if kind == "too_short":
        return "at least one value is needed"
    if kind.endswith("too_long"):
        what = "characters" if kind == "string_too_long" else "values"
        return f"at most {context['max_length']:,} {what} are allowed"
    for limit, word in _LIMITS.items():
        if limit in context:
            return f"must be {word} {context[limit]}"
    needed = _NEEDED.get(kind.partition("_")[0])
    if needed is None or kind == "string_pattern_mismatch":
        return error["msg"][0].lower() + error["msg"][1:]
    return f"{needed} is needed"


def _refuse_boolean(key: str, value: Any, annotation: Any) -> None:
    """Refuse true and false for a number: pydantic would read them as 1 and 0."""
    is_number = _allows(annotation, int) or _allows(annotation, float)
    if isinstance(value, bool) and is_number and not _allows(annotation, bool):
        needed = _NEEDED["int" if _allows(annotation, int) else "float"]
        raise input_error(f"{key}: {needed} is needed; got {str(value).lower()}")


def _allows(annotation: Any, kind: type) -> bool:
    inner = get_args(annotation) if get_origin(annotation) in _WRAPPERS else ()
    return annotation is kind or any(_allows(each, kind) for each in inner)


_WRAPPERS = (Union, UnionType, Annotated)
