"""Cards: what a method, a data set or a model is, readable without torch."""

import pytest
import yaml

from mubench import catalogue
from mubench.errors import InputError
from mubench.recipe import Recipe
from mubench.spaces import Either, Interval, Negate


@pytest.mark.parametrize("kind", ["methods", "datasets", "models"])
def test_every_card_is_read_and_called_as_its_file(kind):
    read = {"methods": catalogue.method, "datasets": catalogue.dataset, "models": catalogue.model}
    names = catalogue.names(kind)
    assert names == sorted(names)
    assert names
    for name in names:
        card = read[kind](name)
        assert card.name == name
        assert card.title


def test_the_card_of_a_method_says_what_its_file_says():
    card = catalogue.method("ugradsl")
    assert card.title == "UGradSL"
    assert card.needs == {"forget", "forget_labels", "retain"}
    assert card.space.defaults["alpha"] == -0.2
    alpha = next(p for p in card.space.params if p.name == "alpha")
    assert isinstance(alpha.range, Negate)
    assert isinstance(alpha.range.inner, Either)
    assert alpha.range.inner.branches[1] == Interval(0.01, 4.0, is_log=True)
    beta = next(p for p in card.space.params if p.name == "adaptive_beta")
    assert beta.when == {"alpha": "adaptive"}


def test_a_condition_names_an_earlier_parameter():
    for name in catalogue.names("methods"):
        seen = set()
        for param in catalogue.method(name).space.params:
            assert set(param.when) <= seen, f"{name}: {param.name}"
            seen.add(param.name)


def test_the_card_of_a_data_set_says_its_classes_and_sizes():
    card = catalogue.dataset("digits")
    assert card.classes == tuple("0123456789")
    assert sum(card.sizes.values()) == 1797
    assert card.modality == "image"
    assert card.options["flip_labels"] == 0.0


@pytest.mark.parametrize("name", catalogue.names("models"))
def test_the_recipe_of_every_model_is_valid(name):
    assert Recipe(**catalogue.model(name).recipe).epochs >= 1


@pytest.mark.parametrize(
    ("read", "name", "expected"),
    [
        (
            catalogue.method,
            "ugradls",
            "methods.ugradls: unknown method 'ugradls'; did you mean 'ugradsl'?",
        ),
        (
            catalogue.dataset,
            "digit",
            "grid.dataset: unknown data set 'digit'; did you mean 'digits'?",
        ),
        (
            catalogue.model,
            "smallcnn",
            "grid.model: unknown model 'smallcnn'; did you mean 'small_cnn'?",
        ),
        (catalogue.method, "../quickstart", "methods.../quickstart: unknown method "),
        (catalogue.method, "", "methods.: unknown method ''; known: "),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(read, name, expected):
    with pytest.raises(InputError) as caught:
        read(name)
    assert str(caught.value).startswith(expected)


def test_a_method_says_why_it_refuses_a_scenario_a_modality_or_a_family(tmp_path, monkeypatch):
    ga = yaml.safe_load((catalogue.search_spaces() / "methods" / "ga.yaml").read_text())
    folder = tmp_path / "methods"
    folder.mkdir()
    refuses = {"class": "no classes", "text": "no text", "transformer": "no attention"}
    (folder / "ga2.yaml").write_text(yaml.safe_dump({**ga, "name": "ga2", "refuses": refuses}))
    monkeypatch.setattr(catalogue, "search_spaces", lambda: tmp_path)
    card = catalogue.method("ga2")
    assert card.refusal("class", "image", "cnn") == "no classes"
    assert card.refusal("random", "text", "cnn") == "no text"
    assert card.refusal("random", "image", "transformer") == "no attention"
    assert card.refusal("random", "image", "cnn") is None


def test_a_card_under_another_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "x.yaml").write_text("name: y\n")
    monkeypatch.setattr(catalogue, "search_spaces", lambda: tmp_path)
    with pytest.raises(InputError, match=r"^x\.yaml: name: must be 'x', the name of the file$"):
        catalogue.method("x")


def test_cards_and_sweeps_are_found_beside_a_checkout():
    folder = catalogue.search_spaces()
    assert (folder / "quickstart.yaml").is_file()
    assert (folder / "methods").is_dir()
