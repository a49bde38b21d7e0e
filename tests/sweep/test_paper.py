"""The sweeps of the paper: one for each table, and what they plan."""

import pytest

from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import refusal_of
from tests.support.printed_numbers import PRINTED

PAPER = [name for name in load.shipped_sweeps() if name.startswith("paper/")]

MAIN = ("ft", "ga", "iu", "ugradsl", "ugradsl_plus")

EXPERIMENTS = {
    ("celeba", "resnet18_imagenet"): {"group-0.1"},
    ("cifar10", "resnet18"): {"class", "random-0.1"},
    ("cifar10", "vgg16_bn"): {"random-0.1"},
    ("cifar10", "vit_small"): {"random-0.1"},
    ("cifar20", "resnet18"): {"group"},
    ("cifar100", "resnet18"): {"class", "random-0.1"},
    ("imagenet", "resnet18_imagenet"): {"class"},
    ("newsgroups", "bert_base"): {"class", "random-0.1"},
    ("newsgroups_topics", "bert_base"): {"group"},
    ("svhn", "resnet18"): {"class", "random-0.1"},
    ("tiny_imagenet", "resnet18"): {"random-0.1"},
}
"""Scenarios of the paper's tables by data set and model."""


def test_every_table_of_the_paper_has_a_sweep():
    cells = [cell for name in PAPER for cell in load.load(name).spec.grid.cells]
    asked = {(data.name, model.name, forget.label) for data, model, forget in cells}
    wanted = {(*where, label) for where, labels in EXPERIMENTS.items() for label in labels}
    assert asked == wanted
    assert len(cells) == len(wanted), "each in one sweep"


@pytest.mark.parametrize("name", PAPER)
def test_a_sweep_of_the_paper_plans_with_six_requests_and_refuses_nothing(name):
    loaded = load.load(name)
    plan = make_plan(loaded.spec, "cuda")
    finals = {s.request.name for s in plan.steps.values() if s.kind == "final"}
    assert len(finals) == 6
    trials = 10 if name == "paper/imagenet_class" else 30
    assert {study.trials for study in plan.studies.values()} == {trials}
    assert tuple(row.label for row in loaded.spec.rows)[:5] == MAIN
    assert not [step.title for step in plan.steps.values() if refusal_of(step)]
    assert loaded.spec.resources.search.gpu <= 0.5 < loaded.spec.resources.train.gpu
    assert (loaded.spec.published is not None) is (name.removeprefix("paper/") in PRINTED)


@pytest.mark.parametrize("name", PAPER)
def test_a_sweep_of_the_paper_says_first_what_it_is(name):
    head = load.find(name).read_text().partition("name:")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    for word in ("arXiv 2406.07698", "Data: ", "Hardware: ", "unknown"):
        assert word in head.replace("\n# ", " ")
