"""Where data lie: the environment names the folder."""

import pytest

from mubench.data.cache.decoded import stored_dataset
from mubench.errors import DataError
from tests.support.parquet_files import CARD, whole

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_the_environment_names_the_data_folder(parquet_folder, monkeypatch):
    with pytest.raises(DataError, match=r"dataset toy: give --data or set MUBENCH_DATA"):
        stored_dataset(CARD, None)
    monkeypatch.setenv("MUBENCH_DATA", str(parquet_folder.parent))
    assert len(whole(stored_dataset(CARD, None))) == 30
