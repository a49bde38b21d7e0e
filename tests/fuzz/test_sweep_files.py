"""Hostile sweep files: each is planned, or refused in one short line, at a bounded cost.

`make fuzz` tries many more of them, other ones each time.
"""

import json
import subprocess
import sys

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mubench.cli.plan_text import plan_table
from mubench.errors import MubenchError, is_one_line
from mubench.run.estimate import estimate
from mubench.run.open_sweep import open_recorded
from mubench.sweep.load import load
from tests.support.hostile_sweeps import (
    BOMBS,
    EVERY_KEY,
    changed_bytes,
    changed_node,
    hostile_assignment,
    hostile_file,
)

quiet = settings(suppress_health_check=list(HealthCheck))
generators = st.randoms(use_true_random=False)
MOST_MIB = 200
"""That saying no may add to what Python and its imports take."""


def refusal(path):
    """Do what `mubench plan` does; return the error's text, or None."""
    try:
        opened = open_recorded(str(path), str(path.with_suffix(".store")))
        plan_table(opened.plan, estimate(opened.plan, {}))
    except MubenchError as error:
        return str(error)
    return None


def assert_is_one_short_line(text):
    assert is_one_line(text)
    assert 0 < len(text) <= 1000
    text.encode()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "hostile.yaml"


@quiet
@given(generators)
def test_a_file_with_changed_nodes_is_planned_or_refused_in_one_line(path, rng):
    path.write_bytes(yaml.safe_dump(changed_node(rng, EVERY_KEY), sort_keys=False).encode())
    text = refusal(path)
    if text is not None:
        assert_is_one_short_line(text)


@quiet
@given(generators)
def test_a_shipped_file_with_something_wrong_is_planned_or_refused_in_one_line(path, rng):
    path.write_bytes(hostile_file(rng))
    text = refusal(path)
    if text is not None:
        assert_is_one_short_line(text)


@quiet
@given(generators)
def test_a_file_with_changed_bytes_is_planned_or_refused_in_one_line(path, rng):
    path.write_bytes(changed_bytes(rng, yaml.safe_dump(EVERY_KEY)))
    text = refusal(path)
    if text is not None:
        assert_is_one_short_line(text)


@quiet
@given(generators)
def test_a_changed_value_is_taken_or_refused_in_one_line(path, rng):
    path.write_text(yaml.safe_dump(EVERY_KEY))
    try:
        load(str(path), [hostile_assignment(rng, EVERY_KEY)])
    except MubenchError as error:
        assert_is_one_short_line(str(error))


def test_the_sweep_that_is_changed_is_valid(path):
    path.write_text(yaml.safe_dump(EVERY_KEY))
    assert refusal(path) is None


CODE = """
import json, resource, sys
from pathlib import Path
from tests.fuzz.test_sweep_files import refusal
from tests.support.hostile_sweeps import BOMBS

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

path = Path(sys.argv[1])
path.write_text("name: [")
refusal(path)
before, said = most(), {}
for name, text in BOMBS.items():
    path.write_text(text)
    said[name] = refusal(path)
print(json.dumps({"mib": most() - before, "said": said}))
"""


@pytest.fixture(scope="module")
def bombs(path):
    """What is said of each bomb, and the memory that the largest takes, in a fresh process."""
    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(path)], capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BOMBS))
def test_a_bomb_is_refused_in_one_line(bombs, name):
    assert_is_one_short_line(bombs["said"][name])


@pytest.mark.slow
def test_bombs_take_little_memory(bombs):
    assert bombs["mib"] < MOST_MIB
