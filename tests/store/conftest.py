"""A store's files."""

import pytest

from mubench.store.files import Files


@pytest.fixture(params=["folder", "bucket"])
def files(request, tmp_path):
    """Files in a local folder and in a bucket of a real S3 server."""
    if request.param == "bucket":
        return Files(request.getfixturevalue("s3_uri"))
    return Files(str(tmp_path / "store"))
