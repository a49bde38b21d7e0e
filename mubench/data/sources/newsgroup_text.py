"""What betrays a message's newsgroup without being its content: headers, footers, quotes."""

from collections.abc import Callable, Mapping

from sklearn.datasets._twenty_newsgroups import (
    strip_newsgroup_footer,
    strip_newsgroup_header,
    strip_newsgroup_quoting,
)

PARTS: Mapping[str, Callable[[str], str]] = {
    "headers": strip_newsgroup_header,
    "footers": strip_newsgroup_footer,
    "quotes": strip_newsgroup_quoting,
}
"""What can be removed, in the order in which scikit-learn's fetcher removes it."""


def cleaned(text: str, remove: tuple[str, ...]) -> str:
    """The text without the named parts, as `sklearn.datasets.fetch_20newsgroups` removes them."""
    for name, strip in PARTS.items():
        if name in remove:
            text = strip(text)
    return text
