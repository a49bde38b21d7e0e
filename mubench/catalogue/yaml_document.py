"""YAML that people wrote, with the line and column of each of its values."""

import re
from pathlib import Path
from typing import Any

import yaml

from mubench.catalogue.files import read_file
from mubench.catalogue.yaml_loader import MOST_CHARACTERS, MOST_DEPTH, Loader
from mubench.errors import InputError


class Document:
    r"""A YAML text: its `value`, and errors that say where in the text they are.

    >>> Document("search:\n  trials: many", "sweep.yaml").error("search.trials: not a number")
    InputError('sweep.yaml:2:3: search.trials: not a number')
    """

    def __init__(self, text: str, where: str) -> None:
        """Raise InputError that begins with `where` for a text that is not YAML."""
        self.where = where
        self._overrides: list[str] = []
        try:
            loader = Loader(text)
            self._root = loader.get_single_node()
            self.value: Any = None if self._root is None else loader.construct_document(self._root)
        except yaml.MarkedYAMLError as error:
            raise InputError(f"{self._at(error.problem_mark)}: {_problem(error)}") from None
        except (yaml.YAMLError, ValueError) as error:  # a date such as 2024-13-01 is a ValueError
            raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from None

    def mapping(self, what: str) -> dict[str, Any]:
        """The value, a mapping; raises InputError with the text `what` where it is not one."""
        if not isinstance(self.value, dict):
            raise InputError(f"{self.where}: {what}")
        return self.value

    def set(self, assignment: str) -> None:
        """Replace or add one value: `key.path=value`, the value in YAML. Raises InputError."""
        key, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: write key.path=value")
        *parents, last = key.split(".")
        if len(parents) >= MOST_DEPTH:
            raise InputError(f"--set {assignment}: a key path of more than {MOST_DEPTH} parts")
        node = self.value
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise InputError(f"--set {assignment}: '{parent}' is not a mapping")
        node[last] = read_yaml(text, f"--set {assignment}")
        self._overrides.append(assignment)

    def error(self, message: str) -> InputError:
        """An error whose message begins with a key path, with the line and column of that key."""
        for assignment in reversed(self._overrides):
            if _begins_with(message, assignment.partition("=")[0]):
                return InputError(f"--set {assignment}: {message}")
        return InputError(f"{self._at(_mark_of(self._root, message))}: {message}")

    def _at(self, mark: yaml.Mark | None) -> str:
        return self.where if mark is None else f"{self.where}:{mark.line + 1}:{mark.column + 1}"


def read_yaml(text: str, where: str) -> Any:
    """The value of a YAML text; raises InputError that begins with `where`."""
    return Document(text, where).value


def read_text(path: Path) -> str:
    """The text of a YAML file; raises InputError where it cannot be read or is too large."""
    try:
        return read_file(path, MOST_CHARACTERS).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as text: {error}") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, yaml.constructor.ConstructorError) and error.context is None:
        return str(error.problem)
    return "not YAML: " + " ".join(filter(None, (error.context, error.problem)))


def _begins_with(message: str, key: str) -> bool:
    return message.startswith(key) and message[len(key) : len(key) + 1] in (".", "[", ":")


def _mark_of(node: yaml.Node | None, path: str) -> yaml.Mark | None:
    """Where the value is that a key path leads to, as far as the text has it."""
    mark = None
    while (step := _step(node, path)) is not None:
        node, mark, path = step
    return mark


def _step(node: yaml.Node | None, path: str) -> tuple[yaml.Node, yaml.Mark, str] | None:
    """The value, place and rest of the path that the first part of a key path leads to."""
    if isinstance(node, yaml.MappingNode):
        path = path.removeprefix("[0]").removeprefix(".")  # one entry need not be in a list
        keys = [(key, value) for key, value in node.value if _begins_with(path, str(key.value))]
        if not keys:
            return None
        key, value = max(keys, key=lambda pair: len(pair[0].value))
        return value, key.start_mark, path[len(key.value) :].removeprefix(".")
    index = re.match(r"\[(\d+)\]", path)
    if isinstance(node, yaml.SequenceNode) and index and int(index[1]) < len(node.value):
        item = node.value[int(index[1])]
        return item, item.start_mark, path[index.end() :].removeprefix(".")
    return None
