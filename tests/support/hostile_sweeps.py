"""Sweep files that nobody should write: shipped ones with a node or a byte changed, and bombs.

All choices come from a generator of `random.Random`: Hypothesis gives one that it can shrink, and
the benchmark a seeded one.
"""

import copy
from collections.abc import Iterator, Mapping
from datetime import date
from random import Random
from typing import Any

import yaml

from mubench.sweep.load import find, shipped_sweeps
from tests.support.small_sweep import SWEEP


def nested(depth: int, kind: str) -> Any:
    """Lists in lists, or mappings in mappings."""
    node: Any = 1
    for _ in range(depth):
        node = [node] if kind == "list" else {kind: node}
    return node


NUMBERS: tuple[int | float, ...] = (
    *(0, -1, 1, 2, 5, 40, 1000, 10**6, 10**9, 10**18, 10**40, -(2**63), 2**63, 2**1023),
    *(-0.0, 0.5, 0.999, 1e-9, 1e18, 1e308, 1e-300, 5e-324, -1e308),
    *(float("inf"), float("-inf"), float("nan")),
)
HOSTILE: tuple[Any, ...] = (
    *NUMBERS,
    *(True, False, None, "", " ", "~", "=", "<<", "off", "1e9", "999999999999h", "0.1s", "a" * 300),
    *(
        "\0",
        "\x1b[2J",
        "\ud800",
        "a\nb",
        "\u202e",
        "é" * 5000,
        "~nobody/x",
        "/dev/zero",
        "/proc/self",
    ),
    *(
        "../" * 50,
        "s3://",
        "file:///",
        "random",
        "digits",
        "ugradsl beats ga on gap by at least 9e9",
    ),
    *(
        date(2024, 1, 1),
        b"\xff\x00",
        [],
        {},
        [[]],
        [{}],
        {"": ""},
        {None: None},
        {1: 2},
        {True: []},
    ),
    *(nested(20, "list"), nested(200, "list"), nested(30, "negate"), nested(200, "negate")),
    *({"log": [1e-300, 1e300]}, {"int": [0, 10**30]}, {"uniform": [0, float("inf")]}),
    *({"choice": list(range(3000))}, {"either": [0, {"log": [1, 2]}] * 500}, {"negate": "x"}),
    *({"name": "digits", "train_size": 10**30}, {"path": "/dev"}, {"path": "\0"}),
    *({"scenario": "index", "search_files": "/dev/zero", "final_files": "/dev/null"},),
    *({"scenario": "class", "search_classes": [0], "final_classes": list(range(3000))},),
    *(list(range(3000)), list(range(100)), [0.1] * 500, ["ft"] * 500),
)
"""Values that a key may be given."""

Path = tuple[Any, ...]


def _paths(node: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _paths(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _paths(value, (*path, index))


def _at(node: Any, path: Path) -> Any:
    for key in path:
        node = node[key]
    return node


def changed_node(rng: Random, sweep: dict[str, Any]) -> Any:
    """A copy with one to three nodes replaced, deleted, listed twice, inserted or shared."""
    sweep = copy.deepcopy(sweep)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        path = rng.choice(list(_paths(sweep)))
        is_number = isinstance(_at(sweep, path), int | float)
        likely = NUMBERS if is_number and rng.random() < 0.8 else HOSTILE
        hostile = copy.deepcopy(rng.choice(likely))
        if not path:
            continue
        parent, key, node = _at(sweep, path[:-1]), path[-1], _at(sweep, path)
        match rng.choice(("replace", "replace", "delete", "double", "insert", "share")):
            case "delete":
                del parent[key]
            case "double":
                parent[key] = [node, copy.deepcopy(node)]
            case "insert" if isinstance(node, dict):
                node[rng.choice(["zzz", "label", "options", "name", "", "\x1b", 7])] = hostile
            case "insert" if isinstance(node, list):
                node += [hostile]
            case "share":  # an alias of another part
                others = [other for other in _paths(sweep) if other != path[: len(other)]]
                parent[key] = _at(sweep, rng.choice(others or [path]))
            case _:
                parent[key] = hostile
    return sweep


def changed_bytes(rng: Random, text: str) -> bytes:
    """A text with some bytes replaced, inserted, deleted, or a line listed again."""
    content = bytearray(text.encode())
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(content))
        match rng.choice(("replace", "insert", "delete", "line")):
            case "replace":
                content[place] = rng.choice(
                    (rng.randrange(256), *b"\n\t:-[]{}&*!|>#%@`'\",?<\0\x1b")
                )
            case "insert":
                content[place:place] = rng.choice(
                    (
                        b"\xff",
                        b"\0",
                        b"&a ",
                        b"*a ",
                        b"<<: ",
                        b"!!binary ",
                        b"? ",
                        b"- ",
                        b"9" * 400,
                    )
                )
            case "delete":
                del content[place : place + rng.randint(1, 20)]
            case "line":
                lines = bytes(content).split(b"\n")
                lines.insert(rng.randrange(len(lines)), rng.choice(lines))
                content = bytearray(b"\n".join(lines))
        if not content:
            break
    return bytes(content)


EVERY_KEY: dict[str, Any] = {
    **SWEEP,
    "description": "words",
    "methods": {
        "ft": {"epochs": 2, "learning_rate": [0.1, 0.2]},
        "ga": [{}, {"label": "slow", "learning_rate": {"log": [1e-5, 1e-3]}}],
        "ugradsl": {"alpha": {"either": [0, {"negate": {"uniform": [0.1, 2]}}]}},
    },
    "shared": {"batch_size": 32, "momentum": {"choice": [0, 0.9]}},
    "training": {"epochs": 3, "batch_size": 64, "learning_rate": 0.1, "weight_decay": 0.001},
    "search": {"trials": 4, "keep": 0.5, "repeats": 2, "startup": 2, "parallel": 3, "lag": 2},
    "precision": "float32",
    "portable": False,
    "tf32": False,
    "resources": {"train": {"cpu": 1, "gpu": 0.25}},
    "limits": {"train": 100, "retrain": 100, "search": 100, "final": 100.0},
    "checkpoint": "5m",
    "diagnostics": {"theorem2": {"damping": 0.1}, "label_ldp": {"gamma1": 2, "gamma2": 1}},
    "claims": ["ugradsl beats ga on gap in random/0.1 by at least 0.1"],
    "published": {
        "source": "a paper",
        "cells": {"digits[flip_labels=0.2]/small_cnn/class": {"rows": {"retrain": {"rte": 1.5}}}},
    },
}
"""The small sweep with nearly every key."""


def hostile_file(rng: Random) -> bytes:
    """The bytes of a sweep file with something wrong in it, most likely."""
    text = rng.choice([find(name).read_text(encoding="utf-8") for name in shipped_sweeps()])
    if rng.random() < 0.3:
        return changed_bytes(rng, text)
    sweep = rng.choice((SWEEP, EVERY_KEY, yaml.safe_load(text)))
    return yaml.safe_dump(changed_node(rng, sweep), sort_keys=False).encode()


def hostile_assignment(rng: Random, sweep: dict[str, Any]) -> str:
    """What follows `--set`: a key path of the sweep, perhaps with more parts, and a value."""
    path = [str(part) for part in rng.choice(list(_paths(sweep)))]
    path += rng.choice(([], [], ["x"], [""], ["0"], ["x"] * 30, ["x"] * 3000))
    value = yaml.safe_dump(rng.choice(HOSTILE), default_flow_style=True, width=10**9)
    return f"{'.'.join(path)}={rng.choice((value, value, '', '[', '*a', '&a [*a]', '!!bool x'))}"


def _doubling(levels: int, item: str) -> str:
    """Each line has ten times what the line above has."""
    lines = [f"a0: &a0 {item}"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, levels)]
    return "\n".join(lines)


def _sweep(**values: Any) -> str:
    """The small sweep with keys of the top replaced."""
    return yaml.safe_dump({**copy.deepcopy(SWEEP), **values})


def _merges(levels: int) -> str:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{k}: &a{k} {{<<: [*a{k - 1}, *a{k - 1}]}}" for k in range(1, levels)]
    return "\n".join(lines)


_GRID = SWEEP["grid"]
_MANY = list(range(5000))
_HUNDRED = list(range(100))
_AXES = ("epochs", "batch_size", "learning_rate", "momentum", "weight_decay")

BOMBS: Mapping[str, str] = {
    "aliases": _doubling(9, "[x, x, x]"),
    "aliases of a key": f"{_doubling(9, 'x')}\n? *a8\n: 1",
    "aliases of a long text": f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 5000)}]",
    "merged keys": _merges(30),
    "an alias of itself": "a: &a [*a]\nname: *a",
    "a merge of itself": "a: &a {<<: *a}",
    "a hundred thousand keys": "\n".join(f"k{k}: v" for k in range(100_000)),
    "nested lists": "[" * 50_000,
    "nested lists that end": "a: " + "[" * 5000 + "]" * 5000,
    "nested blocks": "- " * 50_000,
    "nested mappings": "{a: " * 20_000,
    "a chain of ranges": _sweep(methods={"ft": {"learning_rate": 1}}).replace(
        "learning_rate: 1", f"learning_rate: {'{negate: ' * 3000}1{'}' * 3000}"
    ),
    "digits": f"a: {'9' * 10_000}",
    "hexadecimal digits": f"name: x\nfloor: 0x{'f' * 300_000}",
    "digits of base 60": f"floor: {':'.join(['1'] * 50_000)}",
    "digits after a point": f"floor: 0.{'1' * 400_000}",
    "an impossible word": "a: !!bool maybe",
    "an empty number": "a: !!int ''",
    "a time that is none": "a: !!timestamp x",
    "a time before all time": "a: 0001-01-01 00:00:00 +23:59",
    "a code point that is none": 'a: "\\U00ffffff"',
    "half a character": 'name: "\\ud800"',
    "a null byte": 'grid: {forget: {scenario: index, search_files: "\\0", final_files: a}}',
    "five megabytes": f"name: {'x' * 5_000_000}",
    "two megabytes of lines": "\n" * 2_000_000,
    "spaces": f"name: {'x ' * 1_000_000}",
    "a long key": f"{'x' * 100_000}: 1",
    "many unknown words": _sweep(methods={f"m{k}": {} for k in range(4000)}),
    "trials": _sweep(search={"trials": 10**9}),
    "repeats": _sweep(search={"trials": 90_000, "repeats": 10**9}),
    "dependencies of a lag": _sweep(search={"trials": 90_000, "lag": 30_000}),
    "dependencies of rounds": _sweep(
        search={"trials": 90_000, "lag": 90_000},
        seeds={"search": {"train": [7, 8, 9], "forget": [7, 8, 9]}},
    ),
    "floor": _sweep(floor=10**9),
    "a product of seeds": _sweep(
        seeds={
            "search": {"train": [10**6], "forget": [10**6]},
            "final": {"train": _MANY, "forget": _MANY[:4000], "pair": "product"},
        }
    ),
    "a product of axes": _sweep(methods={"ft": dict.fromkeys(_AXES, _HUNDRED)}),
    "equal rows": _sweep(methods={"ft": [{"label": f"a{k}"} for k in range(2500)]}),
    "rows of one name": _sweep(methods={"ft": [{}] * 5000}),
    "many cells": _sweep(
        grid={
            **_GRID,
            "forget": {"scenario": "random", "ratio": [k / 9001 for k in range(1, 9000)]},
        }
    ),
    "one data set often": _sweep(grid={**_GRID, "dataset": ["digits"] * 9000}),
    "one class often": _sweep(
        grid={
            **_GRID,
            "forget": {"scenario": "class", "search_classes": [9], "final_classes": [0] * 9000},
        }
    ),
    "many claims": _sweep(claims=["ft beats ga on gap"] * 9000),
    "a long claim": _sweep(claims=["ft beats ga on gap " + " by at least" * 30_000]),
    "an endless file of numbers": _sweep(published="/dev/zero"),
    "an endless forget set": _sweep(
        grid={
            **_GRID,
            "forget": {"scenario": "index", "search_files": "/dev/zero", "final_files": "a"},
        }
    ),
    "nobody's home": _sweep(
        grid={**_GRID, "model": [{"name": "vit_base", "weights": "~nobody/x"}]}
    ),
    "a name that no disk takes": _sweep(
        grid={**_GRID, "model": [{"name": "vit_base", "weights": "x" * 5000}]}
    ),
    "steps that no number counts": _sweep(
        methods={"pabi": {"clip_gradients": 1e-300, "noise_learning_rate": 1e-300}}
    ),
    "nonsense numbers": _sweep(
        training={"learning_rate": float("inf"), "epochs": 10**18},
        resources={"train": {"cpu": 1e9}},
        limits={"train": float("inf")},
    ),
}
"""Files that cost much more than their size, or that end in an error of another library."""
