"""Sweep files that are refused: one line that says where and what."""

import re

import pytest
import yaml

from mubench.errors import InputError
from mubench.sweep.load import load
from tests.support.small_sweep import changed


def assert_refused(sweep, changes, expected, folder):
    """A changed sweep is an error of one line that begins with its file and names the key."""
    path = folder / "bad.yaml"
    path.write_text(yaml.safe_dump(changed(sweep, **changes)))
    with pytest.raises(InputError) as caught:
        load(str(path))
    message = str(caught.value)
    assert re.match(rf"{re.escape(str(path))}(:\d+:\d+)?: ", message)
    assert expected in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 250
