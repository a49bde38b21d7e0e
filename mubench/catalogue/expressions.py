"""Arithmetic that a card writes as text, evaluated without running any code of the card."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from mubench.errors import ContractError

LONGEST = 500
"""Characters: a longer one could exhaust the parser's stack."""

_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats: a huge power overflows at once, where integers would grow
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[float], float]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def _round(number: float) -> int:
    return round(number)  # without digits: so many could be asked for that it never ends


_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "ceil": math.ceil,
    "max": max,
    "min": min,
    "round": _round,
}


def evaluate_expression(expression: str, values: Mapping[str, Any], where: str) -> float:
    """The number that an expression of a card gives; an integer where its arithmetic has integers.

    >>> evaluate_expression("epochs * min(n_f, 10)", {"epochs": 2, "n_f": 30}, "cost.forward")
    20

    Raises:
        ContractError: it uses an unknown name, is not arithmetic, or gives no finite number.
    """
    try:
        return _finite(_number(_parsed(expression), values))
    except (ArithmeticError, RecursionError, TypeError, ValueError) as error:
        known = ", ".join((*_FUNCTIONS, *values))
        raise ContractError(f"{where}: {expression}: {error}; known: {known}") from error


def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise ValueError(f"has more than {LONGEST} characters")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(error.msg) from None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"gives {number}")
    return number


def _number(node: ast.expr, values: Mapping[str, Any]) -> float:
    match node:
        case ast.Constant(int() | float() as number):
            return number
        case ast.Name(name):
            return _value(name, values)
        case ast.UnaryOp(sign, operand) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_number(operand, values))
        case ast.BinOp(left, operation, right) if type(operation) in _OPERATORS:
            return _OPERATORS[type(operation)](_number(left, values), _number(right, values))
        case ast.Compare(ast.Name(name), [ast.Eq()], [ast.Constant(str() as word)]):
            return bool(_defined(name, values) == word)
        case ast.Call(ast.Name(name), arguments, []) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_number(argument, values) for argument in arguments))
    raise ValueError(
        f"'{ast.unparse(node)}' is not arithmetic: write numbers, names, + - * / // % ** and calls"
    )


def _defined(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise ValueError(f"name '{name}' is not defined")
    return values[name]


def _value(name: str, values: Mapping[str, Any]) -> float:
    value = _defined(name, values)
    if not isinstance(value, int | float):  # a string times a number would be a long string
        raise ValueError(f"{name} is {value!r}, not a number")  # noqa: TRY004  the card is wrong
    return value
