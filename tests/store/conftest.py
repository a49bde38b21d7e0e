"""A store's files."""

import pytest

from mubench.store.files import Files


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path / "store"))
