"""A plan as MLflow shows it."""

from mubench.report.analysis.aggregate import aggregate
from mubench.sweep import load
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from tests.support.report_world import world


def plan_of(*changes: str) -> Plan:
    return make_plan(load.load("quickstart", changes).spec)


def cells():
    return aggregate(world())
