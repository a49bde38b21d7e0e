"""Messages are cleaned as scikit-learn does."""

import pytest
from sklearn.datasets._twenty_newsgroups import (
    strip_newsgroup_footer,
    strip_newsgroup_header,
    strip_newsgroup_quoting,
)

from mubench.data.sources.newsgroup_text import cleaned

pytestmark = pytest.mark.usefixtures("cache_dir")


MESSAGE = """From: someone
Subject: a thing

In article <1>, a friend writes:
> quoted words
> more of them

What I say about it.

--
my signature"""


@pytest.mark.parametrize(
    ("remove", "strips"),
    [
        ((), ()),
        (("headers",), (strip_newsgroup_header,)),
        (("quotes", "footers"), (strip_newsgroup_footer, strip_newsgroup_quoting)),
        (
            ("headers", "footers", "quotes"),
            (strip_newsgroup_header, strip_newsgroup_footer, strip_newsgroup_quoting),
        ),
    ],
)
def test_messages_are_cleaned_as_scikit_learn_does(remove, strips):
    expected = MESSAGE
    for strip in strips:
        expected = strip(expected)
    assert cleaned(MESSAGE, remove) == expected
    assert ("someone" in expected) is ("headers" not in remove)
    assert ("quoted words" in expected) is ("quotes" not in remove)
    assert "What I say" in expected
