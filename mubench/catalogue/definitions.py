"""Source text as definitions: what code does, whatever it is called and wherever it stands.

A definition is what a module binds to a name: a function, a class, a constant. Its tokens are its
syntax tree without comments, docstrings, messages of errors, and types of arguments and variables
(but for the classes that these name, whose methods may be called). A name
that means another definition stands as that definition. Nothing is imported or run.

A local variable that is called like something global counts as a use of it: tokens may cover more
than they must, never less.
"""

import ast
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mubench.errors import InputError

WHOLE = "*"
"""The name that stands for all that a module defines."""


@dataclass(frozen=True)
class Definition:
    """What a module binds to a name."""

    module: str
    name: str


@dataclass(frozen=True)
class Imported:
    """What an import binds: a module, or what a module calls `name`."""

    module: str
    name: str | None = None


Meaning = str | Definition | Imported
"""Of a name: a text for what lies outside, a definition, or a module."""


@dataclass
class Module:
    """The statements of a module by the names that they bind, and its imports wherever they are."""

    name: str
    package: str
    """Where its relative imports begin."""
    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Imported] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)
    """Blocks and calls; they run whenever the module is imported."""


def parse(source: str, name: str, *, is_package: bool = False) -> Module:
    """Read a module.

    Raises:
        InputError: it is not valid Python.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise InputError(f"{name}: cannot be parsed: {error.msg} in line {error.lineno}") from None
    module = Module(name, name if is_package else name.rpartition(".")[0])
    for node in _statements(tree):
        module.imports.update(_imported(node, module.package))
    for statement in tree.body:
        bound = set(_bound_names(statement))
        for each in bound:
            module.statements.setdefault(each, []).append(statement)
        is_block = hasattr(statement, "body") and not isinstance(statement, _SCOPES)
        if (is_block or not bound) and not _is_passive(statement):
            module.effects.append(statement)
    return module


def tokens_of(
    module: Module, name: str, resolve: Callable[[Imported], Meaning]
) -> tuple[str | Definition, ...]:
    """The tokens of a definition. `resolve` says what an import means.

    Raises:
        InputError: the module defines no such name.
    """
    reader = _Reader(module, resolve)
    if name == WHOLE:
        reader.tokens += [Definition(module.name, each) for each in module.statements]
    elif name not in module.statements:
        raise InputError(f"{module.name}: defines no '{name}'")
    for statement in module.statements.get(name, ()):
        reader.read(statement, but=("name",))  # what it is called does not matter
    for statement in module.effects:
        reader.read(statement)
    return tuple(reader.tokens)


def bases_of(module: Module, name: str, resolve: Callable[[Imported], Meaning]) -> list[Meaning]:
    """The bases of a class, as far as the source tells; none for what is not a class."""
    reader = _Reader(module, resolve)
    classes = [each for each in module.statements.get(name, ()) if isinstance(each, ast.ClassDef)]
    meanings = [reader.meaning(base) for each in classes for base in each.bases]
    return [meaning for meaning in meanings if meaning is not None]


class _Reader:
    """Writes syntax trees as tokens."""

    def __init__(self, module: Module, resolve: Callable[[Imported], Meaning]) -> None:
        self.tokens: list[str | Definition] = []
        self._module = module
        self._resolve = resolve
        self._is_in_class = False
        """Where an annotation makes a field."""

    def read(self, value: Any, but: tuple[str, ...] = ()) -> None:
        """Write a tree, a list of trees or a plain value, without some of its fields."""
        if isinstance(value, list):
            self.tokens.append("[")
            for each in value:
                self.read(each)
            self.tokens.append("]")
        elif not isinstance(value, ast.AST):
            self.tokens.append(repr(value))
        elif isinstance(value, ast.Name | ast.Attribute) and self.meaning(value) is not None:
            self._read_name(value)
        elif isinstance(value, ast.Import | ast.ImportFrom):
            self._read_import(value)
        elif not _is_passive(value):
            self._read_node(value, but)

    def meaning(self, node: ast.expr) -> Meaning | None:
        """What a name or a dotted name stands for; None where only a run could tell."""
        if isinstance(node, ast.Attribute):
            base = self.meaning(node.value)
            if isinstance(base, Imported):
                return self._resolve(Imported(base.module, node.attr))
        if not isinstance(node, ast.Name):
            return None
        if node.id in self._module.statements:
            return Definition(self._module.name, node.id)
        imported = self._module.imports.get(node.id)
        return None if imported is None else self._resolve(imported)

    def _read_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """An import stands where its name is used, but for a name that something else binds too."""
        for name, imported in _imported(node, self._module.package).items():
            if name in self._module.statements:
                self._write(self._resolve(imported))

    def _read_name(self, node: ast.Name | ast.Attribute) -> None:
        self._write(self.meaning(node))

    def _write(self, meaning: Meaning | None) -> None:
        if isinstance(meaning, Imported):  # a module as a value: all that is in it
            meaning = self._resolve(Imported(meaning.module, WHOLE))
        if isinstance(meaning, str | Definition) and meaning not in _FOR_READERS:
            self.tokens.append(meaning)

    def _read_node(self, node: ast.AST, but: tuple[str, ...]) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._read_types(getattr(node, "returns", None))
                self._read_scope(node, (*but, "returns"), is_class=False)
            case ast.ClassDef():
                self._read_scope(node, but, is_class=True)
            case ast.arg():
                self.tokens.append(node.arg)
                self._read_types(node.annotation)
            case ast.AnnAssign() if not self._is_in_class:
                self._read_types(node.annotation)
                self._read_fields(node, ("annotation",))
            case ast.Raise(exc=ast.Call() as error):
                self._read_without_message(error)
            case ast.Call() if self.meaning(node.func) == "warnings.warn":
                self._read_without_message(node)
            case ast.Assert():
                self._read_fields(node, ("msg",))
            case _:
                self._read_fields(node, but)

    def _read_scope(self, node: ast.AST, but: tuple[str, ...], *, is_class: bool) -> None:
        outside, self._is_in_class = self._is_in_class, is_class
        self._read_fields(node, but)
        self._is_in_class = outside

    def _read_fields(self, node: ast.AST, but: tuple[str, ...] = ()) -> None:
        self.tokens.append(type(node).__name__)
        left_out = (*_NOTATION, *but)
        for key, value in ast.iter_fields(node):
            # Empty fields are passed over: later versions of Python have more of them.
            if key not in left_out and value is not None and value != []:
                self.tokens.append(key)
                self.read(value)

    def _read_types(self, annotation: ast.expr | None) -> None:
        """A type decides no result, but a class that it names does: its methods may be called."""
        for node in ast.walk(annotation) if annotation else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._read_types(_parsed(node.value))
            elif isinstance(node, ast.Name | ast.Attribute):
                meaning = self.meaning(node)
                if isinstance(meaning, Definition):
                    self.tokens.append(meaning)

    def _read_without_message(self, call: ast.Call) -> None:
        """An error that is created, without the arguments that are its message."""
        self.read(call.func)
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if not any(_is_text(node) for node in ast.walk(argument)):
                self.read(argument)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NOTATION = ("ctx", "kind", "simple", "type_comment")
_FOR_READERS = {
    f"{m}.{name}" for m in ("typing", "typing_extensions") for name in ("final", "override")
}


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_passive(node: ast.AST) -> bool:
    """Whether a statement does nothing by itself: a docstring, or imports."""
    match node:
        case ast.Expr(value=value):
            return _is_text(value)
        case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return not node.orelse
        case _:
            return isinstance(node, ast.Import | ast.ImportFrom)


def _parsed(annotation: str) -> ast.expr | None:
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return None


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements, nested ones too: `ast.walk` without expressions, which are most of a tree."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        children = ast.iter_child_nodes(node)
        waiting += (child for child in children if isinstance(child, _HOLD_STATEMENTS))


_HOLD_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _imported(node: ast.AST, package: str) -> dict[str, Imported]:
    if isinstance(node, ast.Import):
        tops = [
            (a.asname, a.name) if a.asname else (a.name.partition(".")[0],) * 2 for a in node.names
        ]
        return {name: Imported(module) for name, module in tops}
    if isinstance(node, ast.ImportFrom):
        above = package.rsplit(".", node.level - 1)[0] if node.level else ""
        module = ".".join(filter(None, (above, node.module)))
        return {alias.asname or alias.name: Imported(module, alias.name) for alias in node.names}
    return {}


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module binds, or whose value it changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        match node:
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Subscript(ctx=ast.Store(), value=ast.Name(id=name)):
                yield name
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
