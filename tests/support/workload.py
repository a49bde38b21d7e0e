"""Plans whose work a hand can count."""

from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed

RANDOM = [{"scenario": "random", "ratio": 0.1}]
CLASS = [{"scenario": "class", "search_classes": [9], "final_classes": [0, [1, 2]]}]
TINY = changed(SWEEP, grid__forget=RANDOM, methods={"ft": {"epochs": 2}, "ga": {}})


def planned(node):
    return make_plan(load.parse(node, "x"))
