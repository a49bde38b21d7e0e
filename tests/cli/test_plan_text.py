"""`mubench plan`: what is cached and what is to do, for people and programs."""

import json

import pytest

from mubench.cli.plan_text import plan_json, plan_table
from mubench.run.estimate import estimate
from mubench.run.memory import memory_of
from mubench.store.store import Store
from tests.support.small_sweep import changed
from tests.support.workload import CLASS, TINY, planned


@pytest.mark.usefixtures("plain_environment")
def test_plan_counts_what_is_cached(mubench_, finished, tmp_path):
    sweep = finished / "tiny.yaml"
    code, out, _ = mubench_("plan", sweep, "--store", tmp_path / "new")
    assert code == 0
    lines = [line.split() for line in out.splitlines() if line.startswith(("train", "search"))]
    assert [[*line[:4], line[-1]] for line in lines] == [
        ["train", "2", "0", "2", "?"],
        ["search", "2", "0", "2", "?"],
    ]
    assert not (tmp_path / "new").exists()
    _, out, _ = mubench_("plan", sweep, "--store", finished / "store")
    assert [line.split()[:4] for line in out.splitlines() if line.startswith("final")] == [
        ["final", "3", "3", "0"]
    ]


@pytest.mark.usefixtures("plain_environment")
def test_plan_as_json(mubench_, finished):
    code, out, _ = mubench_("plan", finished / "tiny.yaml", "--store", finished / "store", "--json")
    assert code == 0
    node = json.loads(out)
    assert node["name"] == "tiny"
    assert {k: (v["all"], v["cached"]) for k, v in node["steps"].items()} == {
        "train": (2, 2),
        "retrain": (3, 3),
        "search": (2, 2),
        "final": (3, 3),
    }
    assert {step["id"] for step in node["ids"]} == Store(
        str(finished / "store")
    ).records.read().keys()


def test_people_and_programs_read_the_same_counts():
    plan = planned(TINY)
    costs = estimate(plan, {})
    node = plan_json(plan, costs)
    assert node["work"] == {
        "training_epochs": 240,
        "forward_examples": 312_160,
        "backward_examples": 312_160,
        "is_exact": True,
    }
    assert node["steps"]["search"]["work"]["forward_examples"] == 8_940
    shown = _shown(plan, costs)
    assert ["train", "3", "0", "3", "90", "116,550", "116,550", "?"] in shown
    assert ["search", "6", "0", "6", "8,940", "8,940", "?"] in shown
    assert ["total", "240", "312,160", "312,160"] in shown
    about = planned(changed(TINY, grid__forget=CLASS))
    assert any("~8,940" in line for line in _shown(about, estimate(about, {})))


def _shown(plan, costs):
    from rich.console import Console

    console = Console(width=100)
    with console.capture() as capture:
        console.print(*plan_table(plan, costs), sep="\n")
    return [line.split() for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("final", "said"),
    [
        (
            {"train": [*range(9)], "forget": [*range(9)], "pair": "zip"},
            "9 independent requests in each cell; one planned comparison needs 6: shown from 1.1 "
            "sd; all 3 pairs of rows need 7: shown from 1.4 sd (",
        ),
        (
            {"train": [0, 1, 2], "forget": [0, 1, 2, 3], "pair": "product"},
            "3 independent requests in each cell; one planned comparison needs 6: nothing is "
            "decided; all 3 pairs of rows need 7: nothing is decided (",
        ),
    ],
)
def test_a_plan_says_what_its_requests_can_decide(final, said):
    """Twelve requests of three trainings and four forget sets are three."""
    node = changed(TINY, methods={"ft": {}, "ga": {}, "ugradsl": {}})
    node["seeds"] = {**node["seeds"], "final": final}
    plan = planned(node)
    text = " ".join(word for line in _shown(plan, estimate(plan, {})) for word in line)
    assert f"verdicts: {said}" in text


def test_controls_are_said_apart_and_decide_no_pair():
    node = changed(TINY, methods={"ft": {}, "ga": {}})
    plain, controlled = planned(node), planned(changed(node, controls=["sham", "mask"]))
    costs = estimate(controlled, {})
    texts = [
        {line[0]: " ".join(line[1:]) for line in _shown(plan, estimate(plan, {})) if line}
        for plan in (plain, controlled)
    ]
    assert "controls:" not in texts[0]
    assert texts[1]["rows:"] == texts[0]["rows:"] == "original, ft, ga"
    assert texts[1]["controls:"] == "sham, mask"
    assert texts[1]["verdicts:"] == texts[0]["verdicts:"]
    held = plan_json(controlled, costs)
    assert held["rows"] == ["original", "ft", "ga", "sham", "mask"]
    assert held["controls"] == ["sham", "mask"]
    assert texts[0]["memory:"].startswith("at least ")
    assert held["memory"] == memory_of(controlled.steps.values())._asdict()
    assert sum(step["title"].startswith("final sham (control)") for step in held["ids"]) == 2
    assert plan_json(plain, estimate(plain, {}))["controls"] == []
