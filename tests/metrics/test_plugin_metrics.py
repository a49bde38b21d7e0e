"""Metrics of a user: what they change, and what is refused."""

import copy

import pytest

from mubench.errors import InputError
from mubench.metrics.plugin_metrics import step_metrics
from mubench.metrics.score import score
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.model_outputs import model
from tests.support.plugin_files import METRIC, METRIC_CARD, give, steps
from tests.support.small_sweep import SWEEP

pytestmark = pytest.mark.usefixtures("no_plugins")


def test_a_metric_changes_what_scores_and_not_what_unlearns(tmp_path):
    before = steps(tmp_path)
    give(tmp_path, METRIC, METRIC_CARD)
    after = steps(tmp_path)
    assert {s.unlearn_id for s in before.values()} == {s.unlearn_id for s in after.values()}
    new = [after[key] for key in after.keys() - before.keys()]
    assert {s.kind for s in new} == {"retrain", "final"}
    assert step_metrics()["zeros"].title == "Zeros"


def test_a_metric_of_mubench_cannot_be_put_in_another_s_place(tmp_path):
    give(tmp_path, METRIC, {**METRIC_CARD, "name": "ua"})
    for check in (step_metrics, lambda: make_plan(parse(copy.deepcopy(SWEEP), "x"))):
        with pytest.raises(InputError, match=r"ua\.py: mubench has a metric 'ua'; rename it"):
            check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"aim": "up"},
            "zeros.yaml:5:1: aim: 'match', 'lower', 'higher' or 'none' is needed; got 'up'",
        ),
        ({"aim": ...}, "zeros.yaml: aim: missing"),
    ],
)
def test_a_wrong_card_of_a_metric_is_refused_before_anything_runs(tmp_path, changes, message):
    node = {key: value for key, value in {**METRIC_CARD, **changes}.items() if value is not ...}
    give(tmp_path, METRIC, node)
    with pytest.raises(InputError, match=message):
        make_plan(parse(copy.deepcopy(SWEEP), "x"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n", "a metric needs a function `compute`"),
        ("def compute(*_):\n    return float('nan')\n", "compute gave nan; give None for no value"),
    ],
)
def test_a_metric_without_a_finite_number_is_one_line(tmp_path, source, message):
    give(tmp_path, source, METRIC_CARD)
    with pytest.raises(InputError, match=message):
        score(model(0))


def test_a_metric_may_have_no_value(tmp_path):
    give(tmp_path, "def compute(*_):\n    return None\n", METRIC_CARD)
    assert "zeros" not in score(model(0)).values
