"""`mubench data`: checking and fetching by name."""

import pytest

from tests.support.command_line import only_line
from tests.support.parquet_files import encode, write_parquet
from tests.support.written_data import pixels

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")


def test_a_data_set_is_checked_and_fetched_by_name(tmp_path, mubench_):
    code, out, _ = mubench_("data", "check", "digits")
    assert code == 0
    assert "train        1295 examples, " in out
    assert "fingerprint  205a6f21ad3a" in out
    assert "wrong" not in out
    code, _, err = mubench_("data", "check", "digit")
    assert (code, only_line(err)) == (
        2,
        "mubench: data check: unknown data set 'digit'; did you mean 'digits'?",
    )
    code, _, err = mubench_("data", "check", "cifar10", "--data", str(tmp_path))
    assert code == 2
    assert f"{tmp_path}/cifar10: no such folder; put there train*.parquet" in only_line(err)


def test_digits_are_fetched_without_a_download_or_a_cache(mubench_, cache_dir):
    code, out, err = mubench_("data", "fetch", "digits")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "train        1295 examples, 125 to 131 per class",
        "validation   143 examples, 14 to 15 per class",
        "test         359 examples, 35 to 37 per class",
        "classes      10: 0, 1, 2, 3, 4, ...",
        "fingerprint  205a6f21ad3a9e38a8afc79a9945332cd0fbfeb87e296f384d4544792cceb462",
    ]
    assert not cache_dir.exists()


def test_check_fails_where_data_are_not_of_the_size_that_the_card_says(mubench_, tmp_path):
    """A part of SVHN: 20 training and 10 test images."""
    (tmp_path / "svhn").mkdir()
    images = [encode(image) for image in pixels(20, 32, 32, 3)]
    for split, count in (("train", 20), ("test", 10)):
        write_parquet(
            tmp_path / "svhn" / f"{split}.parquet",
            images[:count],
            [i % 10 for i in range(count)],
            column="image",
        )
    fetched, out, _ = mubench_("data", "fetch", "svhn", "--data", tmp_path)
    assert (fetched, out.count("wrong")) == (0, 0), "fetch decodes what there is"
    code, out, err = mubench_("data", "check", "svhn", "--data", tmp_path)
    assert (code, err) == (1, "")
    assert [line for line in out.splitlines() if line.startswith("wrong")] == [
        "wrong        train and validation have 20 examples; the card says 73257",
        "wrong        test have 10 examples; the card says 26032",
    ]
