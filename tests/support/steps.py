"""The plan of a tiny sweep, and its steps by kind."""

from operator import attrgetter

from mubench.sweep import load
from mubench.sweep.planner import make_plan

SMALL = {
    "name": "tiny",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2, "train_size": 200}],
        "model": ["small_cnn"],
        "forget": [
            {"scenario": "random", "ratio": 0.1},
            {"scenario": "class", "search_classes": [9], "final_classes": [1]},
        ],
    },
    "methods": {"ft": {}, "ga": {}, "ugradsl": {"epochs": 1}},
    "shared": {"batch_size": 32, "epochs": {"int": [1, 2]}},
    "training": {"epochs": 2},
    "search": {"trials": 2},
    "seeds": {"search": {"train": [100], "forget": [100]}, "final": {"train": [0], "forget": [0]}},
    "floor": 1,
}
PLAN = make_plan(load.parse(SMALL, "x"))


def step_of(kind, forget="random-0.1", purpose=None, **where):
    if purpose is not None:
        where["training.purpose"] = purpose
    return next(
        step
        for step in PLAN.steps.values()
        if step.kind == kind
        and (kind == "train" or step.request.forget.label == forget)
        and all(attrgetter(key)(step) == value for key, value in where.items())
    )
