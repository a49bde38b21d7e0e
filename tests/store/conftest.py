"""A store's files."""

import pytest

from mubench.store.files import Files
from mubench.store.store import Store


@pytest.fixture(params=["folder", "bucket"])
def files(request, tmp_path):
    """Files in a local folder and in a bucket of a real S3 server."""
    if request.param == "bucket":
        return Files(request.getfixturevalue("s3_uri"))
    return Files(str(tmp_path / "store"))


@pytest.fixture
def new_store(tmp_path):
    """An empty store in a folder."""
    return Store(str(tmp_path / "new"))
