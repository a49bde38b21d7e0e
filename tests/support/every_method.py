"""All methods by name."""

import pytest

from mubench.catalogue import cards

NAMES = cards.names("methods")

every_name = pytest.mark.parametrize("name", NAMES)
