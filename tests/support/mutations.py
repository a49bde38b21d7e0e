"""JSON-like nodes with hostile values put in."""

import copy
import random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    -(10**40),
    1e308,
    float("nan"),
    float("inf"),
    "",
    "..",
    "../../outside",
    "/etc/passwd",
    "a/b",
    "x\0y",
    "x\ny",
    "\x1b]0;title\x07",
    "\ud800",
    "‮evil",
    "</script><script>alert(1)</script>",
    "{{7*7}}${x}=1+1",
    "x" * 10_000,
    [],
    {},
    [[]],
    {"": ""},
    {"__class__": "os.system"},
    ["a", "a"],
    {"declared": {"modules": ["os"]}},
)


def mutated(node: Any, rng: random.Random, changes: int = 1) -> Any:
    """A copy of a node in which some values are replaced, removed or doubled."""
    node = copy.deepcopy(node)
    for _ in range(changes):
        places = list(_places(node))
        if not places:
            return rng.choice(HOSTILE)
        parent, key = rng.choice(places)
        how = rng.randrange(6)
        if how == 0:
            del parent[key]
        elif how == 1 and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        elif how == 2 and isinstance(parent, dict):
            parent[rng.choice([one for one in HOSTILE if isinstance(one, str)])] = parent.pop(key)
        else:
            parent[key] = copy.deepcopy(rng.choice(HOSTILE))
    return node


def _places(node: Any) -> Any:
    """Every value in a node, by the collection that holds it and its key."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)
