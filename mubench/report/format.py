"""Names and numbers as people read them; percent begins here."""

import re
from collections.abc import Sequence
from functools import cache

from mubench.catalogue import cards
from mubench.store.record import Record, Status

REFERENCES = {"original": "Original", "retrain": "Retrain", "floor": "Retrain vs Retrain"}

STATUS_WORDS: dict[Status, str] = {
    "diverged": "diverged",
    "refused": "refused",
    "out_of_memory": "out of memory",
    "timed_out": "timed out",
    "error": "failed with an error",
}
MINUS = "\N{MINUS SIGN}"


def row_title(row: str) -> str:
    """Write a row's label for people; a method without a card here keeps its own name.

    >>> row_title("ugradsl[alpha=-0.2]"), row_title("rl[NLS]"), row_title("my_method")
    ('UGradSL (α = −0.2)', 'RL (NLS)', 'my_method')
    """
    found = re.fullmatch(r"(\w+)\[([^\[\]]+)\]", row)
    if found is None:
        return _method_title(row)
    parts = [part.split("=", 1) for part in found[2].split(",")]
    words = [" = ".join(_symbol(word.strip()) for word in part) for part in parts]
    return f"{_method_title(found[1])} ({', '.join(words)})"


@cache
def _method_title(name: str) -> str:
    if name in REFERENCES:
        return REFERENCES[name]
    return cards.method(name).title if name in cards.names("methods") else name


def _symbol(word: str) -> str:
    return "α" if word == "alpha" else MINUS + word[1:] if word.startswith("-") else word


def points(fraction: float, *, signed: bool = False) -> str:
    """Print a fraction in percent (or a difference in percentage points), two decimals.

    >>> points(0.1234), points(-0.5, signed=True)
    ('12.34', '−50.00')
    """
    text = f"{100 * fraction:+.2f}" if signed else f"{100 * fraction:.2f}"
    return text.replace("-", MINUS)


def seconds(value: float) -> str:
    """Print seconds with about three digits.

    >>> seconds(0.01234), seconds(4.567), seconds(61.23), seconds(1234.5)
    ('0.012', '4.57', '61.2', '1234')
    """
    return f"{value:.{3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0}f}"


def p_text(p_value: float) -> str:
    """Print a p-value.

    >>> p_text(0.03125), p_text(0.0001)
    ('p = 0.031', 'p < 0.001')
    """
    return f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["FT", "GA", "IU"]), listed(["FT"])
    ('FT, GA and IU', 'FT')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Count a noun; `nouns` is its plural where that is no mere s.

    >>> plural(1, "request"), plural(3, "request"), plural(2, "study", "studies")
    ('1 request', '3 requests', '2 studies')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {nouns or noun + 's'}"


def seeds_text(record: Record) -> str:
    """Name what a record's draws came from: `train 1, forget 2, replica 1`."""
    words = [f"train {record.seed_train}"]
    words += [f"forget {record.seed_forget}"] if record.seed_forget >= 0 else []
    words += [f"classes {', '.join(map(str, record.forget_classes))}"] * bool(record.forget_classes)
    words += [f"replica {record.replica}"] if record.replica else []
    return ", ".join(words)
