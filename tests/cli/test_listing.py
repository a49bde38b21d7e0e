"""`mubench list`: all names of a kind, every card."""

import json

import pytest

from mubench.catalogue import cards
from mubench.cli import listing
from mubench.cli.catalogue import Listed
from mubench.metrics.post_hoc import POST_HOC


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize("kind", list(Listed))
def test_list_names_all_of_a_kind(mubench_, kind):
    expected = [entry["name"] for entry in listing.entries(kind.value)]
    assert expected
    code, out, _ = mubench_("list", kind.value)
    assert code == 0
    assert [
        line.split()[0] for line in out.splitlines()[1:] if not line.startswith(" ")
    ] == expected
    code, out, _ = mubench_("list", kind.value, "--json")
    assert [entry["name"] for entry in json.loads(out)] == expected


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize("kind", ["methods", "datasets", "models"])
def test_list_shows_every_card(kind):
    assert [entry["name"] for entry in listing.entries(kind)] == cards.names(kind)


@pytest.mark.usefixtures("plain_environment", "no_plugins")
def test_the_list_of_metrics_has_them():
    assert POST_HOC.keys() < {entry["name"] for entry in listing.entries("metrics")}
