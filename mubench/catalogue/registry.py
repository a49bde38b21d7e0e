"""Find a class by the name of its file, so that there is no list to edit."""

import inspect
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mubench.catalogue import plugins
from mubench.catalogue.ids import classes_deriving
from mubench.errors import InputError


def load_method(name: str) -> type[Any]:
    """The class of a method of the package, or of a plug-in: the one public one of its file.

    Raises:
        InputError: there is none, or more than one.
    """
    module = method_module(name)
    base = import_module("mubench.methods.base").Method
    methods: list[type[Any]] = [
        member
        for name, member in inspect.getmembers(import_module(module), inspect.isclass)
        if member.__module__ == module and not name.startswith("_") and issubclass(member, base)
    ]
    if len(methods) != 1:
        raise _not_one(module, "Method", [cls.__name__ for cls in methods])
    return methods[0]


def make_method(name: str, params: Mapping[str, Any]) -> Any:
    """A method with its hyperparameters.

    Raises:
        InputError: a value is not of the type that the class declares.
    """
    method: Any = load_method(name)
    for key, adapter in _types(method).items():
        if key in params:
            try:
                adapter.validate_python(params[key], strict=True)
            except ValidationError as error:
                problem = error.errors()[0]["msg"]
                raise InputError(f"{name}: {key}: {problem}; got {params[key]!r}") from None
    return method(**params)


@cache
def _types(method: Any) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(method)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(method)}


def method_source(name: str) -> str:
    """The class of a method as a root of content ids; the source is read, not run.

    Raises:
        InputError: its file has no such class, or more than one.
    """
    module = method_module(name)
    classes = classes_deriving(module, "Method")
    if len(classes) != 1:
        raise _not_one(module, "Method", [root.partition(":")[2] for root in classes])
    return classes[0]


def _not_one(module: str, base: str, names: list[str]) -> InputError:
    listed = ", ".join(sorted(names)) or "none"
    return InputError(f"{module}: exactly one public {base} is needed in a file; found {listed}")


def method_module(name: str) -> str:
    """Where the class of a method is."""
    plugin = plugins.find_plugin("methods", name)
    return plugin.module if plugin else f"mubench.methods.{name}"
