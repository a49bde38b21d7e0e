"""Names and numbers as people read them; here fractions of tables and texts become percent."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from mubench.catalogue import cards
from mubench.store.record import Record, Status

_TITLES = {"original": "Original", "retrain": "Retrain", "floor": "Retrain vs Retrain"}
"""Titles of what has no card."""
_SYMBOLS = {"alpha": "α"}

STATUS_WORDS: dict[Status, str] = {
    "diverged": "diverged",
    "refused": "refused",
    "out_of_memory": "out of memory",
    "timed_out": "timed out",
    "error": "failed with an error",
}
MINUS = "\N{MINUS SIGN}"


def row_title(label: str, method: str, given: Mapping[str, Any], *, without: str = "") -> str:
    """Write a row's label for people: the method's title, and the values that the label shows.

    The values are those of the record; `without` leaves one of them out. A method without a card
    keeps its own name.

    >>> row_title("ugradsl[alpha=-0.2]", "ugradsl", {"alpha": -0.2, "epochs": 5})
    'UGradSL (α = −0.2)'
    >>> row_title("rl[NLS]", "rl", {"alpha": -1}), row_title("mine", "mine", {})
    ('RL (NLS)', 'mine')
    """
    parts = _shown_parts(label, method)
    if not parts:
        return method_title(label)
    words = {f"{key}={value}": _equation(key, value) for key, value in given.items()}
    words[f"{without}={given.get(without)}"] = ""
    shown = ", ".join(filter(None, (words.get(part, part) for part in parts)))
    return f"{method_title(method)} ({shown})" if shown else method_title(method)


def shown_values(label: str, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row that its label shows: those of the sweep's grid.

    >>> shown_values("ugradsl[alpha=-0.2]", "ugradsl", {"alpha": -0.2, "epochs": 5})
    {'alpha': -0.2}
    """
    parts = _shown_parts(label, method)
    return {key: value for key, value in given.items() if f"{key}={value}" in parts}


def _shown_parts(label: str, method: str) -> list[str]:
    """The parts of a label besides the method's name: the sweep file's label, and grid values."""
    return label[len(method) + 1 : -1].split(",") if label.startswith(f"{method}[") else []


@cache
def method_title(name: str) -> str:
    """Return a method's or a reference's title."""
    card = cards.find_method(name)
    return card.title if card else _TITLES.get(name, name)


def _equation(key: str, value: Any) -> str:
    text = str(value)
    number = MINUS + text[1:] if text.startswith("-") else text
    return f"{symbol(key)} = {number}"


def symbol(hyperparameter: str) -> str:
    """Return the mathematical symbol of a hyperparameter, else its name."""
    return _SYMBOLS.get(hyperparameter, hyperparameter)


def status_counts(statuses: Iterable[str]) -> list[str]:
    """Count the statuses of steps without a normal end, in words.

    >>> status_counts(["ok", "timed_out", "diverged", "timed_out"])
    ['1 diverged', '2 timed out']
    """
    counts = Counter(statuses)
    return [f"{counts[status]} {word}" for status, word in STATUS_WORDS.items() if counts[status]]


def format_percent(fraction: float, *, signed: bool = False) -> str:
    """Print a fraction in percent (or a difference in percentage points), two decimals.

    >>> format_percent(0.1234), format_percent(-0.5, signed=True)
    ('12.34', '−50.00')
    """
    text = f"{100 * fraction:+.2f}" if signed else f"{100 * fraction:.2f}"
    return text.replace("-", MINUS)


def format_seconds(value: float, *, like: float | None = None) -> str:
    """Print seconds with about three digits; a spread with the decimals of the mean it is `like`.

    >>> format_seconds(0.01234), format_seconds(4.567), format_seconds(61.23), format_seconds(1234)
    ('0.012', '4.57', '61.2', '1234')
    >>> format_seconds(0.134, like=3.3)
    '0.13'
    """
    size = value if like is None else like
    return f"{value:.{3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0}f}"


def format_p(p_value: float) -> str:
    """Print a p-value.

    >>> format_p(0.03125), format_p(0.0001)
    ('p = 0.031', 'p < 0.001')
    """
    return f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"


def join_words(words: Sequence[str]) -> str:
    """Join words with commas and a final `and`.

    >>> join_words(["FT", "GA", "IU"]), join_words(["FT"])
    ('FT, GA and IU', 'FT')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def seeds_text(record: Record) -> str:
    """Name the seeds of a record: `train 1, forget 2, replica 1`."""
    words = [f"train {record.seed_train}"]
    words += [f"forget {record.seed_forget}"] if record.seed_forget >= 0 else []
    words += [f"classes {', '.join(map(str, record.forget_classes))}"] * bool(record.forget_classes)
    words += [f"replica {record.replica}"] if record.replica else []
    return ", ".join(words)
