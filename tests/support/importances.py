"""Importances of both SSD and LF-SSD."""

import pytest

from mubench.methods.lfssd import LFSSD
from mubench.methods.ssd import SSD

both = pytest.mark.parametrize("method", [SSD, LFSSD])
