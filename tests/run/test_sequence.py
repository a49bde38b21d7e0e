"""Requests in parts: what each run is given, and what is recorded of the way."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import ClassVar

import pytest
import torch

from mubench.catalogue import registry
from mubench.errors import Diverged
from mubench.methods.base import Method
from mubench.run.trial import run_step
from mubench.run.unlearning import unlearn
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Candidate
from tests.support.steps import SMALL

RANDOM = {"scenario": "random", "ratio": 0.1}
CLASS = {"scenario": "class", "search_classes": [9], "final_classes": [1]}


def plan_of(*forget):
    grid = SMALL["grid"] | {"forget": list(forget)}
    return make_plan(load.parse({**SMALL, "grid": grid, "methods": {"ga": {}}, "floor": 0}, "x"))


PLAN = plan_of({**RANDOM, "parts": 3}, {**CLASS, "parts": 2})


def steps(label, plan=PLAN):
    return [s for s in plan.steps.values() if s.kind != "train" and s.request.forget.label == label]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store with the references of all requests."""
    folder = tmp_path_factory.mktemp("store")
    workspace = Workspace(Store(str(folder)))
    for step in PLAN.steps.values():
        if step.kind in ("train", "retrain"):
            assert run_step(step, workspace).status == "ok"
    return folder


@pytest.fixture
def workspace(folder):
    return Workspace(Store(str(folder)))


def steps_of_ga(label, kind):
    return next(s for s in steps(label) if s.kind == kind and s.row is not None)


RUNS: list[dict] = []


def put_into(monkeypatch, unlearn):
    """Make the method `ga` one that does this to the k-th model it is given."""

    @dataclass(frozen=True, kw_only=True)
    class GA(Method):
        needs: ClassVar = frozenset({"forget", "forget_labels", "retain", "teacher"})

    def of(self, model, task, prepared):
        RUNS.append(
            {
                "forget": set(task.forget.ids.tolist()),
                "retain": set(task.retain.ids.tolist()),
                "seed": task.seed,
                "start": model.classifier.bias.detach().clone(),
                "teacher": task.teacher.classifier.bias.clone(),
            }
        )
        unlearn(len(RUNS) - 1, model, task)

    GA.unlearn = of
    GA.__abstractmethods__ = frozenset()
    module = ModuleType("mubench.methods.ga")
    GA.__module__ = module.__name__
    module.GA = GA
    RUNS.clear()
    monkeypatch.setattr(registry, "load_method", lambda name: GA)


def shift(number, model, task):
    """Move the bias of one class, and send some examples forward."""
    with torch.no_grad():
        model(task.forget.take(torch.arange(2)).inputs)
        model.classifier.bias[number] += 100.0


@pytest.mark.parametrize("kind", ["search", "final"])
def test_each_part_is_unlearned_from_the_model_before(kind, workspace, monkeypatch):
    step = steps_of_ga("random-0.1-parts3", kind)
    put_into(monkeypatch, shift)
    inputs = workspace.open(step)
    found = unlearn(inputs, step.row, Candidate({}))
    everything, forgotten = (set(s.ids.tolist()) for s in (inputs.train, inputs.forget))
    assert [len(run["forget"]) for run in RUNS] == [7, 7, 6]
    gone = set()
    for run in RUNS:
        assert not gone & run["forget"]
        gone |= run["forget"]
        assert run["retain"] == everything - gone
    assert gone == forgotten
    assert len({run["seed"] for run in RUNS}) == 3
    bias = inputs.original.classifier.bias.detach().clone()
    for number, run in enumerate(RUNS):
        assert torch.equal(run["start"], bias)
        assert torch.equal(run["teacher"], bias)
        bias[number] += 100.0
    assert torch.equal(found.model.classifier.bias, bias)
    assert found.cost.forward_examples == 6
    assert 0 < found.cost.rte_seconds < found.cost.wall_seconds + 60


def shares(split, *labels):
    """Share of the labels that is each of `labels`."""
    return [(split.labels == label).double().mean().item() for label in labels]


def test_reversal_and_erosion_are_those_of_known_answers(workspace, monkeypatch):
    """After the k-th part every answer is class k: accuracies are shares of labels."""
    step = steps_of_ga("random-0.1-parts3", "final")
    again = replace(step, id=f"{step.id[:12]}known", unlearn_id=f"{step.unlearn_id[:12]}known")

    def answer(number, model, task):
        with torch.no_grad():
            model.classifier.weight.zero_()
            model.classifier.bias.zero_()
            model.classifier.bias[number] = 1.0

    put_into(monkeypatch, answer)
    record = run_step(again, workspace, Candidate({}))
    inputs = workspace.open(again)
    rows = torch.tensor([int(i) in RUNS[0]["forget"] for i in inputs.train.ids]).nonzero().flatten()
    first, last = shares(inputs.train.subset(rows), 0, 2)
    early, late = shares(inputs.holdout_splits["test"], 0, 2)
    assert record.status == "ok"
    assert record.metrics["sequence_reversal"] == pytest.approx(last - first, abs=1e-12)
    assert record.metrics["sequence_erosion"] == pytest.approx(early - late, abs=1e-12)
    (all_last,) = shares(inputs.forget, 2)
    assert record.metrics["ua"] == pytest.approx(1 - all_last, abs=1e-12)


def test_erosion_leaves_out_a_forgotten_class(workspace, monkeypatch):
    """The model comes to answer class 1 always, which is forgotten: nothing of TA is left."""
    step = steps_of_ga("class-parts2", "final")

    def answer(number, model, task):
        with torch.no_grad():
            model.classifier.weight.zero_()
            model.classifier.bias.zero_()
            model.classifier.bias[[0, 1][number]] = 1.0

    put_into(monkeypatch, answer)
    inputs = workspace.open(step)
    notes = unlearn(inputs, step.row, Candidate({})).notes
    retained = inputs.holdout_splits["test"].labels
    retained = retained[retained != 1]
    assert notes["sequence_erosion"] == pytest.approx((retained == 0).double().mean().item())
    assert notes["sequence_reversal"] == 1.0


def test_a_search_looks_at_validation_data_alone(workspace, monkeypatch):
    step = steps_of_ga("random-0.1-parts3", "search")
    put_into(monkeypatch, shift)
    inputs = workspace.open(step)
    assert "sequence_erosion" in unlearn(inputs, step.row, Candidate({})).notes
    assert inputs.holdout_splits.keys() == {"validation"}


def test_a_part_that_diverges_is_the_last(workspace, monkeypatch):
    step = steps_of_ga("random-0.1-parts3", "final")

    def fail(number, model, task):
        shift(number, model, task)
        if number == 1:
            raise Diverged("too far")

    put_into(monkeypatch, fail)
    found = unlearn(workspace.open(step), step.row, Candidate({}))
    assert (found.status, found.message) == ("diverged", "part 2 of 3: too far")
    assert len(RUNS) == 2
    assert found.cost.forward_examples == 4
    assert found.notes == {}


def test_one_part_is_no_parts():
    plain, one = plan_of(RANDOM), plan_of({**RANDOM, "parts": 1})
    assert plain.steps.keys() == one.steps.keys()
    assert not plain.steps.keys() & {s.id for s in steps("random-0.1-parts3")}


def test_real_steps_in_parts_end_ok(workspace):
    for kind in ("search", "final"):
        record = run_step(steps_of_ga("class-parts2", kind), workspace, Candidate({"epochs": 1}))
        assert record.status == "ok", record.message
        assert {"sequence_reversal", "sequence_erosion"} <= record.metrics.keys()
        assert record.scenario == "class-parts2"
