"""Recipes: their names, their values, and that original and Retrain share one."""

import re

import pytest
from pydantic import ValidationError

from mubench.catalogue import cards
from mubench.catalogue.yaml_document import read_yaml
from mubench.errors import InputError
from mubench.models.recipe import FOLDER, Recipe, recipe_names, resolve_recipe
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.descents import recipe
from tests.support.refused_sweeps import assert_refused
from tests.support.small_sweep import changed

FILES = sorted(FOLDER.glob("*.yaml"))
ALL = [
    pytest.param(recipe, id=f"{path.stem}-{model}-{name}")
    for path in FILES
    for name, models in read_yaml(path.read_text(), path.name).items()
    for model, recipe in models.items()
]


@pytest.mark.parametrize("recipe", ALL)
def test_a_recipe_that_ships_is_valid_and_says_where_it_comes_from(recipe):
    values = dict(recipe)
    assert re.search(r"arXiv|mubench's own", values.pop("source"))
    assert {"epochs", "batch_size", "learning_rate", "weight_decay"} <= values.keys()
    assert {"optimizer", "schedule", "augment", "precision"} <= values.keys()
    assert Recipe(**values).milestones == tuple(sorted(values.get("milestones", ())))


def test_recipes_are_there_for_every_data_set_of_the_paper():
    assert [path.stem for path in FILES] == [
        "celeba",
        "cifar10",
        "cifar100",
        "cifar20",
        "imagenet",
        "newsgroups",
        "newsgroups_topics",
        "svhn",
        "tiny_imagenet",
    ]


def test_recipes_are_of_data_sets_and_models_that_there_are():
    assert {path.stem for path in FILES} <= set(cards.names("datasets"))
    models = {
        model
        for path in FILES
        for named in read_yaml(path.read_text(), path.name).values()
        for model in named
    }
    assert models <= set(cards.names("models"))


def test_a_fast_recipe_is_for_each_cifar_and_has_less_than_ten_epochs():
    for name in ("cifar10", "cifar100", "cifar20"):
        fast = resolve_recipe(name, "resnet18", {"recipe": "fast"})
        assert fast.epochs < 10
        assert (fast.schedule, fast.nesterov, fast.channels_last) == ("onecycle", True, True)
        assert fast.precision == "bfloat16"


def test_the_default_is_that_of_the_paper_or_the_cards():
    assert recipe_names("cifar10", "resnet18") == ("paper", "fast", "card")
    assert resolve_recipe("cifar20", "resnet18", {}).milestones == (15, 30, 35)
    assert recipe_names("digits", "small_cnn") == ("card",)
    card = Recipe(**cards.model("small_cnn").recipe)
    assert resolve_recipe("digits", "small_cnn", {}) == card
    own = resolve_recipe("cifar20", "resnet18", {"recipe": "card"})
    assert own == Recipe(**cards.model("resnet18").recipe)


def test_sweeps_that_shipped_before_keep_their_recipes():
    for data, model in (("digits", "small_cnn"), ("cifar10", "resnet_small")):
        assert recipe_names(data, model) == ("card",)
    for data in ("cifar10", "cifar100"):
        card = Recipe(**cards.model("resnet18").recipe)
        assert resolve_recipe(data, "resnet18", {}) == card


def test_other_keys_change_single_values_of_the_named_recipe():
    fast = resolve_recipe("cifar10", "resnet18", {"recipe": "fast"})
    short = resolve_recipe("cifar10", "resnet18", {"recipe": "fast", "epochs": 5})
    assert short == fast.model_copy(update={"epochs": 5})


def cifar(sweep, **training):
    return changed(sweep, grid__dataset=["cifar10"], grid__model=["resnet18"], training=training)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (
            {"recipe": "fsat"},
            "x: training.recipe: 'cifar10' has no recipe 'fsat' for 'resnet18'; "
            "did you mean 'fast'? known: paper, fast, card",
        ),
        (
            {"recipe": 7},
            "x: training.recipe: 'cifar10' has no recipe '7' for 'resnet18'; "
            "known: paper, fast, card",
        ),
        ({"recipes": "fast"}, "x: training.recipes: unknown key; did you mean 'recipe'?"),
        ({"source": "me"}, "x: training.source: unknown key; known: "),
        ({"recipe": "fast", "epochs": 0}, "x: training.epochs: must be at least 1; got 0"),
        (
            {"recipe": "fast", "optimizer": "adamw"},
            "x: training.nesterov: needs the optimizer sgd and a momentum above 0",
        ),
    ],
)
def test_a_wrong_recipe_is_one_line(sweep, training, message):
    with pytest.raises(InputError) as caught:
        load.parse(cifar(sweep, **training), "x")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("training", [{}, {"recipe": "fast"}, {"recipe": "fast", "epochs": 2}])
def test_original_and_retrain_share_one_recipe(sweep, training):
    parsed = load.parse(cifar(sweep, **training), "x")
    steps = make_plan(parsed).steps.values()
    trainings = [step for step in steps if step.kind in ("train", "retrain")]
    assert {step.kind for step in trainings} == {"train", "retrain"}
    assert {step.training.recipe for step in trainings} == {parsed.recipe("cifar10", "resnet18")}


def test_the_name_of_a_recipe_decides_no_id_but_its_values_do(sweep):
    def ids(**training):
        return make_plan(load.parse(cifar(sweep, **training), "x")).steps.keys()

    assert ids() == ids(recipe="paper") == ids(recipe="card")
    assert ids().isdisjoint(ids(recipe="fast"))
    assert ids().isdisjoint(ids(compile=True))
    assert ids() == ids(compile=False, nesterov=False, channels_last=False, micro_batch=None)


BAD_SWEEPS = {
    "unknown recipe key": (
        {"training": {"epoch": 3}},
        "training.epoch: unknown key; did you mean 'epochs'?",
    ),
    "recipe value out of range": (
        {"training": {"epochs": 0}},
        "training.epochs: must be at least 1; got 0",
    ),
}


@pytest.mark.parametrize("case", list(BAD_SWEEPS))
def test_bad_input_is_one_line_that_begins_with_file_and_key_path(case, sweep, tmp_path):
    changes, expected = BAD_SWEEPS[case]
    assert_refused(sweep, changes, expected, tmp_path)


@pytest.mark.parametrize("values", [{"optimizer": "adamw"}, {"momentum": 0.0}])
def test_nesterov_needs_a_momentum_of_sgd(values):
    with pytest.raises(ValidationError, match="needs the optimizer sgd and a momentum above 0"):
        recipe(nesterov=True, **values)


def test_a_later_field_counts_in_an_identity_only_where_it_is_on():
    later = {"nesterov", "channels_last", "compile", "micro_batch"}
    assert recipe().identity.keys() == Recipe.model_fields.keys() - later
    assert recipe(nesterov=True).identity == {**recipe().identity, "nesterov": True}
    assert recipe(momentum=0.5).identity["momentum"] == 0.5
