"""A time limit ends with its region."""

import time

import pytest

from mubench.errors import TimedOut
from mubench.models.training.time_limit import time_limit


def test_a_time_limit_ends_with_its_region():
    with time_limit(0.05):
        pass
    time.sleep(0.1)
    with pytest.raises(TimedOut, match=r"ran past its limit of 0\.01 s"), time_limit(0.01):
        time.sleep(5)
