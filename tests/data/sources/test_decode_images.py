"""Images in bytes columns and of other formats are decoded."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.parquet_files import encode, read_stored, whole

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_bytes_columns_other_names_and_grey_jpegs_are_read(parquet_folder):
    grey = np.full((4, 6), 77, np.uint8)
    for split in ("train", "test"):
        table = pa.table({"image": [encode(grey, "JPEG")] * 4, "fine_label": [0, 1, 0, 1]})
        pq.write_table(table, parquet_folder / f"{split}.parquet")
    found = read_stored(parquet_folder, input_shape=[1, 4, 6], columns={"label": "fine_label"})
    assert np.abs(whole(found).astype(int) - 77).max() <= 1
