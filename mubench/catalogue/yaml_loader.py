"""A YAML loader whose cost is bounded: a text that would cost too much is refused while it is read.

Read as YAML 1.1, except that `1e-3` is a number, as in YAML 1.2, that keys are words, even `1` and
`no`, of which none is there twice, and that values have no tags.
"""

import re
from typing import Any, NamedTuple

import yaml
from typing_extensions import override

MOST_CHARACTERS = 2**18
"""Of a text, and of its values with aliases expanded: read in two seconds, whatever they are."""
MOST_NODES = 20_000
"""Keys and values, with aliases expanded; the largest sweep that ships has 200."""
MOST_DEPTH = 40
"""Levels of lists and mappings: code that walks a value calls itself that often."""
MOST_DIGITS = 40
"""Of a number: twice those that any float has."""


class _Size(NamedTuple):
    nodes: int
    characters: int
    depth: int


class Loader(yaml.SafeLoader):
    """Raises yaml.YAMLError for what is not YAML, or more than this module's bounds."""

    def __init__(self, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise yaml.YAMLError(f"{len(text):,} characters; at most {MOST_CHARACTERS:,} are read")
        super().__init__(text)
        self._nodes = self._characters = self._depth = 0
        self._sizes: dict[yaml.Node, _Size] = {}

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> Any:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        nodes, characters = self._nodes, self._characters
        self._depth += 1
        if isinstance(event, yaml.AliasEvent):
            node: Any = super().compose_node(parent, index)
            if node not in self._sizes:
                raise _refused(f"the alias *{event.anchor} stands in what it names", event)
            self._count(self._sizes[node], event)
        else:
            _check_tag(event, self.yaml_constructors)
            self._count(_Size(1, len(getattr(event, "value", "")), 1), event)
            node = super().compose_node(parent, index)
            depth = 1 + max((self._sizes[each].depth for each in _inner(node)), default=0)
            self._sizes[node] = _Size(self._nodes - nodes, self._characters - characters, depth)
        self._depth -= 1
        return node

    def _count(self, size: _Size, event: yaml.Event) -> None:
        """Count what begins with an event, before it is built."""
        self._nodes += size.nodes
        self._characters += size.characters
        if self._nodes > MOST_NODES:
            raise _refused(f"more than {MOST_NODES:,} keys and values, aliases expanded", event)
        if self._characters > MOST_CHARACTERS:
            raise _refused(f"more than {MOST_CHARACTERS:,} characters, aliases expanded", event)
        if self._depth + size.depth - 1 > MOST_DEPTH:
            raise _refused(f"nested in more than {MOST_DEPTH} levels", event)

    @override
    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        hidden = _HIDDEN.search(node.value)
        if hidden:
            problem = f"the character {hidden[0]!r} cannot be shown; leave it out"
            raise _refused(problem, node)
        if node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
            problem = f"a number of {len(node.value)} digits; at most {MOST_DIGITS} are read"
            raise _refused(problem, node)
        return node

    @override
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for place, (key, value) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key is a word, not a list or a mapping", key)
            if key.tag != _MERGE:
                word = yaml.ScalarNode(_WORD, key.value, key.start_mark, key.end_mark)
                node.value[place] = (word, value)
            if key.value in seen:
                raise _refused(f"the key '{key.value}' is listed twice; remove one", key)
            seen.add(key.value)
        return node


_EXPONENT = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$")
Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_WORD, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_HIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and newline, and halves of characters: no path, no table has them."""


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_tag(event: yaml.Event, known: Any) -> None:
    """Refuse the tags of YAML itself; others have no constructor and are refused by that."""
    tag = getattr(event, "tag", None)
    if tag in known and tag is not None:
        raise _refused(f"the tag !!{tag.rpartition(':')[2]} is not read; leave it out", event)


def _refused(problem: str, at: Any) -> yaml.MarkedYAMLError:
    """An error at a node or an event."""
    return yaml.constructor.ConstructorError(None, None, problem, at.start_mark)
