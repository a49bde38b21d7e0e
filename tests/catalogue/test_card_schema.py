"""Cards as they are checked: what of a card decides results, and what none may say."""

import pytest
from pydantic import ValidationError

from mubench.catalogue import cards
from mubench.catalogue.card_schema import MethodCard, ModelCard, decoding_facts
from mubench.catalogue.ranges import Fixed, Interval
from mubench.errors import InputError


def method(**fields):
    card = {
        "name": "mine",
        "title": "Mine",
        "paper": "-",
        "version": 1,
        "needs": [],
        "source": "-",
        "cost": {"forward": "epochs", "backward": 0},
        "stochastic": False,
        "identity": None,
        "params": {
            "rate": {"default": 0.5, "range": {"uniform": [0, 1]}},
            "epochs": {"default": 2},
        },
    }
    return MethodCard.model_validate({**card, **fields})


def test_a_method_has_a_space_of_ranges_and_fixed_defaults():
    space = method().space
    assert space.defaults == {"rate": 0.5, "epochs": 2}
    assert [param.range for param in space.params] == [Interval(0.0, 1.0), Fixed(2)]
    assert method().cost == {"forward": "epochs", "backward": "0"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"params": {"a": {"default": 1, "when": {"b": 1}}}}, "params.a.when"),
        ({"curves": {"rte": "Rate"}}, "curves.rte"),
        ({"stochastic": 1}, "stochastic"),
        ({"cost": {"forward": "1"}}, "cost"),
        ({"nmae": "x"}, "nmae"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(fields, expected):
    with pytest.raises(ValidationError, match=expected):
        method(**fields)


def test_a_refusal_is_the_reason_of_the_first_kind_that_is_refused():
    card = method(refuses={"text": "images only", "group": "no groups"})
    assert card.refusal("random", "text", "group") == "images only"
    assert card.refusal("random") is None


def test_words_for_readers_and_places_are_no_facts_of_a_data_set():
    card = cards.dataset("digits")
    assert not {"title", "citation", "modules", "uri"} & card.facts.keys()
    assert card.facts["classes"] == card.card["classes"]
    other = {**card.card, "title": "Another", "note": "x", "sizes": {}, "mean": [0.0]}
    assert decoding_facts(other) == decoding_facts(card.card)
    assert decoding_facts({**other, "classes": ["a"]}) != decoding_facts(card.card)


def test_weights_from_elsewhere_replace_arguments_and_decide_no_facts():
    card = cards.model("vit_small")
    given = card.pretrained({"weights": "mine.pt"})
    assert given.origins == {"weights": "mine.pt"}
    assert given.facts == card.facts
    assert card.pretrained({}) is card
    with pytest.raises(InputError, match=r"grid.model.vit_small.weigths: unknown option; did you"):
        card.pretrained({"weigths": "mine.pt"})


def test_a_model_of_text_needs_a_vocabulary_or_a_tokenizer():
    bert = cards.model("bert_tiny").card
    for tokens in (None, {"length": 8}, {"length": 8, "vocabulary": 9, "source": "x"}):
        with pytest.raises(ValidationError, match="tokens"):
            ModelCard.model_validate({**bert, "tokens": tokens, "card": bert})
