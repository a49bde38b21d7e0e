"""A function of a notebook that makes a model, as a plug-in: its text travels to every worker."""

import builtins
import inspect
import symtable
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

from mubench.catalogue import plugins
from mubench.catalogue.neighbours import neighbours_of
from mubench.catalogue.plugins import Plugin
from mubench.errors import InputError

_FUTURE = "from __future__ import annotations\n\n\n"
"""Types of arguments name what a notebook has imported; nobody evaluates them."""


def plugin_of(function: Callable[..., Any]) -> Plugin:
    """The plug-in that holds one function `(input_shape, num_classes) -> nn.Module`.

    Raises:
        InputError: it is no such function, or uses what its text alone does not have.
    """
    if not isinstance(function, FunctionType) or not function.__name__.isidentifier():
        raise InputError(_kind_of(function))
    name = function.__name__
    _require_two_arguments(function)
    source = _FUTURE + _source(function)
    outer = sorted(_outer_names(source) - {name} - set(dir(builtins)))
    if outer:
        raise InputError(
            f"model: {name} uses {', '.join(outer)} from outside of itself, which workers do not "
            f"have: import inside the function, or put it into a file and give "
            f"model={{'module': 'FILE.py:{name}'}}"
        )
    around = neighbours_of(Path(f"{name}.py").absolute(), source)
    where = f"function {name}"
    return Plugin("code", name, plugins.PREFIX + name, source, "", where, around)


def with_functions(text: str, given: Iterable[Plugin]) -> str:
    """A sweep file that says in comments which functions it needs, and how to give them."""
    parts = []
    for plugin in given:
        lines = plugin.source.removeprefix(_FUTURE).rstrip().splitlines()
        commented = "".join(f"#     {line}".rstrip() + "\n" for line in lines)
        parts.append(f"# needs --plugin {plugin.name}.py, which has\n#\n{commented}#\n")
    return "".join(parts) + text


def _kind_of(model: Any) -> str:
    """Why something is no function that can travel."""
    bases = type(model).__mro__
    if any(base.__module__.startswith("torch.nn.") for base in bases):
        return (
            f"model: a function that makes the model is needed, not a {type(model).__name__}: the "
            "original and every Retrain begin with fresh weights; give a function "
            "(input_shape, num_classes) -> nn.Module"
        )
    if isinstance(model, FunctionType):
        return "model: a lambda has no text of its own; write it with def"
    what = model.__name__ if isinstance(model, type) else type(model).__name__
    return (
        "model: a name, a mapping such as {'timm': 'resnet18'}, or a function (input_shape, "
        f"num_classes) -> nn.Module, written with def, is needed; got {what}"
    )


def _require_two_arguments(function: FunctionType) -> None:
    try:
        inspect.signature(function).bind((3, 32, 32), 10)
    except TypeError as error:
        raise InputError(
            f"model: {function.__name__} is called as {function.__name__}(input_shape, "
            f"num_classes): {error}"
        ) from None


def _source(function: FunctionType) -> str:
    if hasattr(function, "__wrapped__"):  # its text would be that of the function inside
        raise InputError(
            f"model: {function.__name__} is decorated; put it into a file and give "
            f"model={{'module': 'FILE.py:NAME'}}"
        )
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise InputError(
            f"model: the text of {function.__name__} is not known; put it into a file and give "
            f"model={{'module': 'FILE.py:{function.__name__}'}}"
        ) from None


def _outer_names(source: str) -> set[str]:
    """Names that a text uses and does not bind: defaults and decorators count, types do not."""
    top = symtable.symtable(source, "function", "exec")
    bound = {each.get_name() for each in top.get_symbols() if each.is_assigned()}
    bound |= {each.get_name() for each in top.get_symbols() if each.is_imported()}
    used = {each.get_name() for each in top.get_symbols() if each.is_referenced()}
    for scope in _scopes_in(top):
        used |= {each.get_name() for each in scope.get_symbols() if each.is_global()}
    return used - bound


def _scopes_in(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        if child.get_type() in ("function", "class"):  # others hold types alone
            yield child
            yield from _scopes_in(child)
