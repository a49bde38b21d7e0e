"""A small sweep, and copies of it with values changed."""

import copy
from typing import Any

SWEEP: dict[str, Any] = {
    "name": "small",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2}],
        "model": ["small_cnn"],
        "forget": [
            {"scenario": "random", "ratio": 0.1},
            {"scenario": "class", "search_classes": [9], "final_classes": [0, 1]},
        ],
    },
    "methods": {"ft": {}, "ga": {}, "ugradsl": {"alpha": [-0.2, -1.0]}},
    "search": {"trials": 3},
    "seeds": {
        "search": {"train": [100], "forget": [100]},
        "final": {"train": [0, 1], "forget": [0, 1]},
    },
    "floor": 1,
    "controls": [],
}


def changed(node: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A copy of a sweep with values at `a__b` put in; `...` removes one."""
    node = copy.deepcopy(node)
    for path, value in values.items():
        *parents, last = path.split("__")
        at = node
        for parent in parents:
            at = at.setdefault(parent, {})
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return node
