"""Cards: what a method, a data set or a model is, readable without torch."""

import re

import pytest
import yaml

from mubench.catalogue import cards
from mubench.catalogue.ranges import Either, Interval, Negate
from mubench.errors import InputError
from mubench.models.build import build_model
from mubench.models.recipe import Recipe
from mubench.sweep.kinds import CONTROLS
from tests.support.every_method import every_name


@pytest.mark.parametrize("kind", ["methods", "datasets", "models"])
def test_every_card_is_read_and_called_as_its_file(kind):
    read = {"methods": cards.method, "datasets": cards.dataset, "models": cards.model}
    names = cards.names(kind)
    assert names == sorted(names)
    assert names
    for name in names:
        card = read[kind](name)
        assert card.name == name
        assert card.title


def test_the_card_of_a_method_says_what_its_file_says():
    card = cards.method("ugradsl")
    assert card.title == "UGradSL"
    assert card.needs == {"forget", "forget_labels", "retain"}
    assert card.space.defaults["alpha"] == -0.2
    alpha = next(p for p in card.space.params if p.name == "alpha")
    assert isinstance(alpha.range, Negate)
    assert isinstance(alpha.range.inner, Either)
    assert alpha.range.inner.branches[1] == Interval(0.01, 8.0, is_log=True)
    beta = next(p for p in card.space.params if p.name == "adaptive_beta")
    assert beta.when == {"alpha": "adaptive"}


def test_a_condition_names_an_earlier_parameter():
    for name in cards.names("methods"):
        seen = set()
        for param in cards.method(name).space.params:
            assert set(param.when) <= seen, f"{name}: {param.name}"
            seen.add(param.name)


def test_the_card_of_a_data_set_says_its_classes_and_sizes():
    card = cards.dataset("digits")
    assert card.classes == tuple("0123456789")
    assert sum(card.sizes.values()) == 1797
    assert card.modality == "image"
    assert card.options["flip_labels"] == 0.0


@pytest.mark.parametrize("name", cards.names("models"))
def test_the_recipe_of_every_model_is_valid(name):
    assert Recipe(**cards.model(name).recipe).epochs >= 1


@pytest.mark.parametrize(
    ("read", "name", "expected"),
    [
        (
            cards.method,
            "ugradls",
            "methods.ugradls: unknown method 'ugradls'; did you mean 'ugradsl'?",
        ),
        (
            cards.dataset,
            "digit",
            "grid.dataset: unknown data set 'digit'; did you mean 'digits'?",
        ),
        (
            cards.model,
            "smallcnn",
            "grid.model: unknown model 'smallcnn'; did you mean 'small_cnn'?",
        ),
        (cards.method, "../quickstart", "methods.../quickstart: unknown method "),
        (cards.method, "", "methods.: unknown method ''; known: "),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(read, name, expected):
    with pytest.raises(InputError) as caught:
        read(name)
    assert str(caught.value).startswith(expected)


def test_a_method_says_why_it_refuses_a_scenario_a_modality_or_a_family(tmp_path, monkeypatch):
    ga = yaml.safe_load((cards.search_spaces() / "methods" / "ga.yaml").read_text())
    folder = tmp_path / "methods"
    folder.mkdir()
    refuses = {"class": "no classes", "text": "no text", "transformer": "no attention"}
    (folder / "ga2.yaml").write_text(yaml.safe_dump({**ga, "name": "ga2", "refuses": refuses}))
    monkeypatch.setattr(cards, "search_spaces", lambda: tmp_path)
    card = cards.method("ga2")
    assert card.refusal("class", "image", "cnn") == "no classes"
    assert card.refusal("random", "text", "cnn") == "no text"
    assert card.refusal("random", "image", "transformer") == "no attention"
    assert card.refusal("random", "image", "cnn") is None


def own_card(tmp_path, monkeypatch, **fields):
    """The card of GA under another name, with further fields, beside all others."""
    methods = cards.search_spaces() / "methods"
    (tmp_path / "methods").mkdir()
    for path in methods.glob("*.yaml"):
        (tmp_path / "methods" / path.name).write_text(path.read_text())
    ga = yaml.safe_load((methods / "ga.yaml").read_text())
    (tmp_path / "methods" / "mine.yaml").write_text(
        yaml.safe_dump({**ga, "name": "mine", **fields})
    )
    monkeypatch.setattr(cards, "search_spaces", lambda: tmp_path)
    return cards.method("mine")


def test_a_card_says_what_concerns_reports_alone(tmp_path, monkeypatch):
    curves = {"learning_rate": "learning rate"}
    card = own_card(tmp_path, monkeypatch, builds_on="ft", caveat="mind this", curves=curves)
    assert (card.builds_on, card.caveat, card.curves) == ("ft", "mind this", curves)
    ga = cards.method("ga")
    assert (ga.builds_on, ga.caveat, ga.curves) == ("", "", {})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"builds_on": "ftt"}, "builds_on: no other method is called 'ftt'; did you mean 'ft'?"),
        ({"builds_on": "mine"}, "builds_on: no other method is called 'mine'"),
        ({"builds_on": ["ft"]}, "builds_on: a string is needed; got ['ft']"),
        ({"caveat": 3}, "caveat: a string is needed; got 3"),
        ({"curves": {"epoch": "epochs"}}, "curves.epoch: unknown hyperparameter; did you mean"),
        ({"curves": {"epochs": 3}}, "curves.epochs: a string is needed; got 3"),
        ({"curves": ["epochs"]}, "curves: a mapping is needed"),
    ],
)
def test_what_a_card_says_of_reports_must_make_sense(fields, words, tmp_path, monkeypatch):
    with pytest.raises(InputError) as caught:
        own_card(tmp_path, monkeypatch, **fields)
    place, _, message = str(caught.value).partition(": ")
    assert re.fullmatch(r"mine\.yaml:\d+:\d+", place)
    assert message.startswith(words)


def test_a_card_under_another_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "x.yaml").write_text("name: y\n")
    monkeypatch.setattr(cards, "search_spaces", lambda: tmp_path)
    with pytest.raises(InputError, match=r"^x\.yaml:1:1: name: must be 'x', the name of the file$"):
        cards.method("x")


def test_cards_and_sweeps_are_found_beside_a_checkout():
    folder = cards.search_spaces()
    assert (folder / "quickstart.yaml").is_file()
    assert (folder / "methods").is_dir()


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (None, "tokens: missing; a model of text needs them"),
        ({"vocabulary": 9}, "tokens.length: missing"),
        ({"length": 4, "words": 9}, "tokens.words: unknown key"),
        ({"length": 4}, "tokens: either vocabulary or source is needed"),
        (
            {"length": 4, "vocabulary": 9, "source": "x"},
            "tokens: either vocabulary or source is needed",
        ),
        ({"length": True, "vocabulary": 9}, "tokens.length: a whole number is needed; got True"),
        ({"length": 4, "vocabulary": 0}, "tokens.vocabulary: must be at least 1; got 0"),
        ({"length": 4, "source": 3}, "tokens.source: a string is needed; got 3"),
    ],
)
def test_a_model_of_text_says_how_its_texts_become_tokens(tokens, expected, tmp_path, monkeypatch):
    bert = yaml.safe_load((cards.PACKAGE / "models" / "cards" / "bert_tiny.yaml").read_text())
    folder = tmp_path / "models" / "cards"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(yaml.safe_dump({**bert, "name": "mine", "tokens": tokens}))
    monkeypatch.setattr(cards, "PACKAGE", tmp_path)
    with pytest.raises(InputError) as caught:
        cards.model("mine")
    place, _, message = str(caught.value).partition(": ")
    assert re.fullmatch(r"mine\.yaml:\d+:\d+", place)
    assert message.startswith(expected)


def test_tokens_are_on_the_cards_of_models_of_text_alone():
    assert cards.model("bert_tiny").tokens == {"length": 128, "vocabulary": 8000}
    assert cards.model("bert_base").tokens["source"] == "google-bert/bert-base-uncased"
    assert cards.model("resnet18").tokens is None


@pytest.mark.parametrize("name", cards.names("models"))
def test_a_card_says_how_small_images_may_be(name):
    card = cards.model(name)
    if card.modality == "text" or card.smallest < 4:  # one that scales its images
        return
    build_model(card.card, 10, (3, card.smallest, card.smallest), 0)
    with pytest.raises(InputError, match=f"at least 1x{card.smallest}x{card.smallest}, got"):
        build_model(card.card, 10, (3, card.smallest, card.smallest - 1), 0)


@every_name
def test_no_placeholder_is_left_in_a_card(name):
    card = cards.method(name)
    assert "0000.00000" not in card.paper
    assert "arXiv" in card.paper or name in (*CONTROLS, "uam")
    assert (card.paper == "unpublished") is (name in CONTROLS)
