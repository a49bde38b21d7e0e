"""Names and numbers as people read them; percent begins here."""

from collections.abc import Sequence

from mubench.record import Status

TITLES = {
    "original": "Original",
    "retrain": "Retrain",
    "floor": "Retrain vs Retrain",
    "ft": "FT",
    "ga": "GA",
    "iu": "IU",
    "neggrad_plus": "NegGrad+",
    "ugradsl": "UGradSL",
    "ugradsl_plus": "UGradSL+",
}
"""Titles of the main table's methods; any other method keeps its own name."""

STATUS_WORDS: dict[Status, str] = {
    "diverged": "diverged",
    "refused": "refused",
    "out_of_memory": "out of memory",
    "timed_out": "timed out",
    "error": "failed with an error",
}
MINUS = "\N{MINUS SIGN}"


def row_title(row: str) -> str:
    """Write a row's label for people.

    >>> row_title("ugradsl[alpha=-0.2]"), row_title("my_method")
    ('UGradSL (α = −0.2)', 'my_method')
    """
    method, _, grid = row.partition("[")
    pairs = [pair.split("=", 1) for pair in grid.removesuffix("]").split(",")]
    if not row.endswith("]") or any(len(pair) != 2 for pair in pairs):
        return TITLES.get(row, row)
    words = [" = ".join(_symbol(part.strip()) for part in pair) for pair in pairs]
    return f"{TITLES.get(method, method)} ({', '.join(words)})"


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


def plural(count: int, noun: str) -> str:
    """Count a noun.

    >>> plural(1, "request"), plural(3, "request")
    ('1 request', '3 requests')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
