"""A report of the made-up world."""

import pytest

from mubench.report.build import build
from tests.support.report_world import world


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return build(world(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def html(written):
    return written.page.read_text()
