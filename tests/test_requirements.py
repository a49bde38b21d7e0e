"""The lock files, `pyproject.toml` and what is installed agree."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LINE = re.compile(r"(.+?) --hash=sha256:[0-9a-f]{64}")


def locked(name):
    """The requirements of a lock file; each line has a version, a marker and a hash."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return [Requirement(LINE.fullmatch(line)[1]) for line in lines if not line.startswith("#")]


IMAGE, TESTS = locked("lock.txt"), locked("lock-test.txt")


def version_of(pin):
    (specifier,) = pin.specifier
    return specifier.version


def declared(*extras):
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("lines", "extras"),
    [
        (IMAGE, ("cluster", "text")),
        (IMAGE + TESTS, ("cluster", "docs", "hf", "text", "timm", "test")),
    ],
)
def test_every_dependency_is_locked_at_a_version_that_it_allows(lines, extras):
    """Where this fails after a change of pyproject.toml: make lock."""
    pins = {canonicalize_name(pin.name): version_of(pin) for pin in lines}
    asked = {each: pins.get(canonicalize_name(each.name), "0") for each in declared(*extras)}
    assert len(asked) > 20
    assert [
        (str(each), found)
        for each, found in asked.items()
        if each.name != "mubench" and not each.specifier.contains(found)
    ] == []


def test_every_line_is_one_exact_version_for_the_same_python_and_machine():
    assert len({str(pin.marker) for pin in IMAGE + TESTS}) == 1
    assert {specifier.operator for pin in IMAGE + TESTS for specifier in pin.specifier} == {"=="}
    names = [canonicalize_name(pin.name) for pin in IMAGE + TESTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "other",
    [{"python_version": "3.14"}, {"sys_platform": "darwin"}, {"platform_machine": "aarch64"}],
)
def test_elsewhere_a_lock_file_asks_for_nothing(other):
    here = {"python_version": "3.11", "sys_platform": "linux", "platform_machine": "x86_64"}
    assert all(pin.marker.evaluate(here) for pin in IMAGE + TESTS)
    assert not any(pin.marker.evaluate(here | other) for pin in IMAGE + TESTS)


@pytest.mark.skipif(
    not os.environ.get("CI") or sys.prefix != str(ROOT / ".venv"),
    reason="not the environment that CI makes: its versions are its user's",
)
def test_what_ci_tests_is_what_is_locked():
    """Where CI has another Python or machine than the lock files: make lock, there."""
    assert all(pin.marker.evaluate() for pin in IMAGE + TESTS)
    wrong = {
        pin.name: found
        for pin in IMAGE + TESTS
        if not pin.specifier.contains(found := version(pin.name))
    }
    assert wrong == {}


def test_the_lowest_versions_are_those_of_the_bounds():
    command = [sys.executable, str(ROOT / "requirements" / "lowest.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    bounds = declared("cluster", "hf", "text", "timm")
    lowest = [Requirement(line) for line in printed.splitlines()][: len(bounds)]
    assert [each.name for each in lowest] == [each.name for each in bounds]
    for low, bound in zip(lowest, bounds, strict=True):
        (exact,), (least,) = low.specifier, bound.specifier
        assert exact.version == least.version
        is_open = low.name in ("torch", "torchvision")
        assert (exact.operator, least.operator) == (">=" if is_open else "==", ">=")


def test_one_package_has_one_bound():
    """`ray` stands in two lists: with different bounds the lower one would never be tested."""
    bounds = {}
    for each in declared("cluster", "hf", "text", "timm"):
        bounds.setdefault(canonicalize_name(each.name), set()).add(str(each.specifier))
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def test_the_image_keeps_a_pytorch_that_it_finds():
    """What the Dockerfile takes out of the lock file is PyTorch and what nothing else needs."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    pattern = re.compile(re.search(r"sed -i -E '/(\^.*)/d' lock.txt", dockerfile)[1])
    gone = {pin.name for pin in IMAGE if pattern.match(str(pin))}
    assert {"torch", "torchvision", "triton"} <= gone
    assert all(name.startswith(("torch", "triton", "nvidia-", "cuda-")) for name in gone)


def test_every_path_that_the_lowest_versions_are_tested_with_exists():
    paths = re.findall(r"\btests/[\w/.]+", (ROOT / ".ci" / "lowest").read_text())
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
