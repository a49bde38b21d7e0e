"""Remove what reveals a message's newsgroup beside its content: headers, footers, quotes.

The rules are those of `sklearn.datasets.fetch_20newsgroups`, which keeps them private.
"""

import re
from collections.abc import Callable, Mapping

_QUOTE = re.compile(r"writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>")


def _without_header(text: str) -> str:
    """What follows the first blank line."""
    return text.partition("\n\n")[2]


def _without_footer(text: str) -> str:
    """What stands before the last line that is blank or all hyphens: a signature follows it."""
    lines = text.strip().split("\n")
    rules = (i for i in reversed(range(len(lines))) if not lines[i].strip().strip("-"))
    last = next(rules, 0)
    return "\n".join(lines[:last]) if last > 0 else text


def _without_quotes(text: str) -> str:
    """The lines that neither quote nor introduce a quotation."""
    return "\n".join(line for line in text.split("\n") if not _QUOTE.search(line))


PARTS: Mapping[str, Callable[[str], str]] = {
    "headers": _without_header,
    "footers": _without_footer,
    "quotes": _without_quotes,
}
"""What can be removed, in the order in which scikit-learn's fetcher removes it."""


def cleaned(text: str, remove: tuple[str, ...]) -> str:
    """The text without the named parts, as `sklearn.datasets.fetch_20newsgroups` removes them."""
    for name, strip in PARTS.items():
        if name in remove:
            text = strip(text)
    return text
