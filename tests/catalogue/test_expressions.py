"""Expressions of cards: arithmetic as Python has it, and nothing that runs code or never ends."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.catalogue import cards
from mubench.catalogue.expressions import LONGEST, evaluate_expression
from mubench.errors import ContractError, one_line
from mubench.sweep.kinds import CONTROLS

NAMES = {"epochs": 3, "n_f": 17, "rate": 0.25, "is_used": True}


def numbers():
    return st.one_of(st.sampled_from(sorted(NAMES)), st.integers(0, 99).map(str), st.just("0.5"))


def combined(inner):
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    return st.one_of(
        st.tuples(inner, operators, inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            "{0[0]}({0[1]}, {0[2]})".format
        ),
        st.tuples(st.sampled_from(["ceil", "round", "-", "+"]), inner).map("{0[0]}({0[1]})".format),
    )


@given(st.recursive(numbers(), combined, max_leaves=12))
def test_the_value_is_pythons_own(expression):
    try:
        expected = eval(expression, {"ceil": math.ceil}, NAMES)
    except ZeroDivisionError:
        with pytest.raises(ContractError, match=r"^here: .*by zero; known: ceil, max"):
            evaluate_expression(expression, NAMES, "here")
    else:
        got = evaluate_expression(expression, NAMES, "here")
        assert (got, type(got)) == (expected, type(expected))


@pytest.mark.parametrize(("word", "expected"), [("ft", 22), ("salun", 5)])
def test_a_word_that_is_chosen_counts_one_and_another_none(word, expected):
    names = NAMES | {"inner": word}
    assert evaluate_expression('5 + (inner == "ft") * n_f', names, "here") == expected


def test_powers_and_precedence():
    assert evaluate_expression(" -epochs ** 2 + 10 // 4 ", NAMES, "here") == -7


@pytest.mark.parametrize("name", cards.names("methods"))
def test_every_card_has_a_cost_that_is_a_number(name):
    card = cards.method(name)
    sizes = {"n_f": 100, "n_r": 900, "K": 10, "n_v": 50}
    for way in ("forward", "backward"):
        examples = evaluate_expression(card.cost[way], {**card.space.defaults, **sizes}, name)
        assert (examples > 0) is (name not in CONTROLS), "controls send no example anywhere"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("epoch * n_f", "name 'epoch' is not defined"),
        ("optimizer * 999999999", "optimizer is 'sgd', not a number"),
        ("epochs *", "invalid syntax"),
        ("", "invalid syntax"),
        ("1 / (n_f - n_f)", "division by zero"),
        ("10.0 ** 400", "math range error"),
        ("9 ** 9 ** 9 ** 9", "math range error"),
        ("1e308 * 10", "gives inf"),
        ("round(1, -999999999)", "takes 1 positional argument but 2 were given"),
        ("1 << 999999999999", "'1 << 999999999999' is not arithmetic"),
        ("1j", "'1j' is not arithmetic"),
        ("n_f if epochs else 0", "is not arithmetic"),
        ("[n_f]", "is not arithmetic"),
        ("min(*n_f)", "'*n_f' is not arithmetic"),
        ("max(n_f, default=1)", "is not arithmetic"),
        ("__import__('os').getcwd()", "is not arithmetic"),
        ("n_f.__class__", "'n_f.__class__' is not arithmetic"),
        ("open('/etc/passwd')", "is not arithmetic"),
        ("(lambda: 1)()", "is not arithmetic"),
        ("+".join(["1"] * LONGEST), "has more than 500 characters"),
        ("(" * 249 + "1" + ")" * 249, "too many nested parentheses"),
        ("1\0", "null bytes"),
        ("-" * (LONGEST - 1) + "f", "name 'f' is not defined"),
    ],
)
def test_anything_else_is_one_line(expression, reason):
    values = {"epochs": 2, "n_f": 3, "optimizer": "sgd"}
    with pytest.raises(ContractError) as caught:
        evaluate_expression(expression, values, "mine: cost.forward")
    text = str(caught.value)
    assert text.startswith(one_line(f"mine: cost.forward: {expression}: ")[:600])
    assert reason in text
    assert text.endswith("; known: ceil, max, min, round, epochs, n_f, optimizer")
